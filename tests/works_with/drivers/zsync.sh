# Makes a list of the pieces of the file $CONTENT, and lets zsync make the file $2 by it, of an older one that differs
# from it in many places and of what it asks for at the URL $1.
set -eu
cd "${CONTENT%/*}"
zsyncmake -u "$1" -o pieces.zsync "$CONTENT" >/dev/null 2>&1
cp "$CONTENT" older
for at in 3 57 111 200 333; do
    printf 'another' | dd of=older bs=4096 seek="$at" conv=notrunc status=none
done
timeout 50 zsync -q -i older -o "$2" pieces.zsync >/dev/null
