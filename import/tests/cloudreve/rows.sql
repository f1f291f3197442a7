-- A server with rows that are hard to write down. Literals are those of the standard: '' is a quote
-- and a backslash is itself, so MySQL reads this under NO_BACKSLASH_ESCAPES.

INSERT INTO "groups" (id, created_at, updated_at, deleted_at, name, permissions, settings) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'Admin', '\x00ff', '{"trash_retention": 604800}');

INSERT INTO users (id, created_at, updated_at, deleted_at, email, nick, password, status, settings, group_users) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'alice@example.org', 'Al''ice \ "A"', 'm3\d5$x', 'active', '{"a": "it''s \"quoted\""}', 1),
  (2, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'bob@example.org', '', NULL, 'inactive', NULL, 1),
  (3, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 'gone@example.org', 'x', NULL, 'active', NULL, 1);

INSERT INTO storage_policies (id, created_at, updated_at, deleted_at, name, type, is_private, secret_key, settings) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'Default storage policy', 'local', true, '', '{"chunk_size": 1}'),
  (2, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 's3', 's3', false, NULL, NULL);

INSERT INTO files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, owner_id) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 1, '', 0, NULL, false, NULL, NULL, 1),
  (2, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 1, '', 0, NULL, false, NULL, NULL, 2),
  (10, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 1, 'docs', 0, NULL, false, NULL, 1, 1),
  (11, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'The Man.mp3', 0, 100, false, NULL, 10, 1),
  (12, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'it''s "a" \ b\n\', 0, 101, false, NULL, 1, 1),
  (13, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'empty', 0, NULL, false, NULL, 1, 1),
  (14, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, '3c2f9d4e', 0, 103, false, NULL, NULL, 1),
  (15, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 1, 'shared by bob', 0, NULL, true, NULL, 1, 1),
  (16, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, '遠野 😀 naïve.txt', 0, 105, false, NULL, 10, 1),
  (17, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, '\N', 0, 105, false, NULL, 10, 1),
  (18, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'a	bc
defgh', 0, 105, false, NULL, 10, 1),
  (19, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, '); -- %_x''', 0, 105, false, NULL, 10, 1),
  (20, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'bob.txt', 0, 104, false, NULL, 2, 2),
  (21, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, '007', 0, 105, false, NULL, 10, 1),
  (22, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'NULL', 0, 105, false, NULL, 10, 1);

INSERT INTO entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES
  (100, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/100_x', 5, 1, NULL, NULL, 1, 1),
  (101, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/101_x', 6, 2, NULL, NULL, 1, 1),
  (102, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 1, 'data/uploads/1/102_x', 9, 1, NULL, NULL, 1, 1),
  (103, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/103_x', 12, 1, NULL, NULL, 1, 1),
  (104, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/104_x', 5, 1, NULL, '{}', 1, 1),
  (105, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/105_x', 4, 6, NULL, '{"unlink_only": false}', 1, 1),
  (106, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/106_x', 7, 1, '5b0a1c1e-0000-4000-8000-000000000000', NULL, 1, 1),
  (107, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/107_x', 7, 1, NULL, '{"encrypt_metadata": {"algorithm": "it''s \"x\""}}', 1, 1),
  (108, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 0, 'data/uploads/1/108_x', 7, 1, NULL, NULL, 1, 1),
  (109, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 0, 'data/uploads/1/109_x', 7, 1, NULL, NULL, 2, 1);

INSERT INTO file_entities (file_id, entity_id) VALUES
  (11, 100),
  (11, 101),
  (11, 102),
  (12, 101),
  (14, 103),
  (16, 105),
  (17, 105),
  (18, 105),
  (19, 105),
  (21, 105),
  (22, 105),
  (20, 104);

INSERT INTO direct_links (id, created_at, updated_at, deleted_at, name, downloads, speed, file_id) VALUES
  (7, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'Old Name.mp3', 41, 500, 11),
  (8, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'bob.txt', 0, 0, 20),
  (9, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, '遠''s.txt', 3, 0, 16),
  (10, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 'gone', 0, 0, 11);

INSERT INTO shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES
  (3, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'p''w\"ö', 9, 4, NULL, 2, '{"share_view": true}', 10, 1),
  (4, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, NULL, 0, 0, '2025-06-11 04:06:55', NULL, NULL, 11, 1),
  (5, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, '', 0, 0, NULL, 0, NULL, 11, 1),
  (6, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, '', 0, 0, NULL, NULL, NULL, 20, 2),
  (7, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, '', 1, 0, '2999-01-01 00:00:00', NULL, NULL, 16, 1),
  (8, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, 1);

INSERT INTO metadata (id, created_at, updated_at, deleted_at, name, value, is_public, file_id) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'sys:restore_uri', 'cloudreve://my/docs/old%20file''s.txt', false, 14),
  (2, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'tag:x', '\x it''s', true, 11),
  (3, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', 'sys:restore_uri', 'x', false, 11);

INSERT INTO settings (id, created_at, updated_at, deleted_at, name, value) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'secret_key', '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'),
  (2, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'hash_id_salt', 'cloudreve-test-salt'),
  (3, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'siteURL', ''),
  (4, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'empty', NULL),
  (5, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'template', '<p class="x">\n it''s {{ .Name }}
	</p>
');

INSERT INTO tasks (id, created_at, updated_at, deleted_at, type, status, public_state, private_state, user_tasks) VALUES
  (1, '2025-06-10 04:06:55.011624', '2025-06-10 04:06:55.011624', NULL, 'media_meta', 'completed', '{"error": "it''s \\ \"no\""}', 'it''s	done; -- Dump completed
\.
-- PostgreSQL database dump complete
INSERT INTO users VALUES (9);
COPY users FROM stdin;
*/ $$ \', 1);
