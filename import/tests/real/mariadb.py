"""Writes the rows of the PostgreSQL server as SQL for MariaDB, in the tables that Cloudreve makes there.

    python3 mariadb.py [+HH:MM] | mariadb cloudreve && mariadb-dump cloudreve | gzip -9n > mariadb.sql.gz

On MariaDB a server writes its times in its own zone and does not say which; the argument is that zone.
"""

import gzip
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

# As ent maps the types of the schema to PostgreSQL and to MySQL.
TYPES = {
    "bigint": "bigint", "boolean": "bool", "bytea": "blob", "character varying": "varchar(255)",
    "jsonb": "json", "text": "longtext", "timestamp with time zone": "datetime", "uuid": "char(36)",
}
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def tables(dump):
    """Gives the columns of each table: name, type of PostgreSQL, the rest of its line."""
    for table, body in re.findall(r"^CREATE TABLE public\.(\w+) \(\n(.*?)\n\);", dump, re.M | re.S):
        columns = []
        for line in body.split("\n"):
            name, type_, rest = re.match(rf' +"?(\w+)"? ({"|".join(TYPES)})\b(.*?),?$', line).groups()
            columns.append((name, type_, rest))
        yield table, columns


def create(table, columns, keys):
    lines = []
    for name, type_, rest in columns:
        default = re.search(r"DEFAULT ('[^']*'|\S+)", rest)
        more = f" DEFAULT {default[1].split('::')[0]}" if default else ""
        increment = " AUTO_INCREMENT" if name == "id" else ""
        null = " NOT NULL" if "NOT NULL" in rest else " NULL"
        lines.append(f"  `{name}` {TYPES[type_]}{increment}{more}{null}")
    lines.append(f"  PRIMARY KEY ({keys[table]})")
    return f"CREATE TABLE `{table}` (\n" + ",\n".join(lines) + "\n) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"


def unescaped(field):
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), field)


def value(field, type_, zone):
    if field == "\\N":
        return "NULL"
    text = unescaped(field)
    if type_ == "bigint":
        return text
    if type_ == "boolean":
        return str(int(text == "t"))
    if type_ == "bytea":
        return "x'" + text.removeprefix("\\x") + "'"
    if type_ == "timestamp with time zone":
        text = datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0") + "'"


def main():
    offset = sys.argv[1] if len(sys.argv) > 1 else "+08:00"
    hours, minutes = (int(part) for part in offset[1:].split(":"))
    zone = timezone(timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1))
    dump = gzip.decompress((Path(__file__).parent / "pg.sql.gz").read_bytes()).decode()
    keys = dict(re.findall(r"^ALTER TABLE ONLY public\.(\w+)\n +ADD CONSTRAINT \w+ PRIMARY KEY \((.*?)\);", dump, re.M))
    types = {}
    for table, columns in tables(dump):
        types[table] = {name: type_ for name, type_, _ in columns}
        print(create(table, columns, keys))
    copies = re.findall(r"^COPY public\.(\w+) \((.*?)\) FROM stdin;\n(.*?)^\\\.$", dump, re.M | re.S)
    for table, columns, rows in copies:
        names = [name.strip('"') for name in columns.split(", ")]
        named = ", ".join(f"`{name}`" for name in names)
        for row in rows.splitlines():
            fields = zip(row.split("\t"), names, strict=True)
            values = ", ".join(value(field, types[table][name], zone) for field, name in fields)
            print(f"INSERT INTO `{table}` ({named}) VALUES ({values});")


main()
