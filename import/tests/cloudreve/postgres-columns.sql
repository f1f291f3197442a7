--
-- PostgreSQL database dump
--

\restrict N2vUIbwc9wty1QxQThw2gSrdERSEnR9h52VXHAajBfs5hVbHksCyhmk7v0Vfxyr

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Data for Name: direct_links; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.direct_links (id, created_at, updated_at, deleted_at, name, downloads, speed, file_id) VALUES (7, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'Old Name.mp3', 41, 500, 11);
INSERT INTO public.direct_links (id, created_at, updated_at, deleted_at, name, downloads, speed, file_id) VALUES (8, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'bob.txt', 0, 0, 20);
INSERT INTO public.direct_links (id, created_at, updated_at, deleted_at, name, downloads, speed, file_id) VALUES (9, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, '遠''s.txt', 3, 0, 16);
INSERT INTO public.direct_links (id, created_at, updated_at, deleted_at, name, downloads, speed, file_id) VALUES (10, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 'gone', 0, 0, 11);


--
-- Data for Name: entities; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (100, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/100_x', 5, 1, NULL, NULL, 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (101, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/101_x', 6, 2, NULL, NULL, 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (102, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 1, 'data/uploads/1/102_x', 9, 1, NULL, NULL, 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (103, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/103_x', 12, 1, NULL, NULL, 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (104, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/104_x', 5, 1, NULL, '{}', 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (105, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/105_x', 4, 6, NULL, '{"unlink_only": false}', 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (106, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/106_x', 7, 1, '5b0a1c1e-0000-4000-8000-000000000000', NULL, 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (107, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/107_x', 7, 1, NULL, '{"encrypt_metadata": {"algorithm": "it''s \"x\""}}', 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (108, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'data/uploads/1/108_x', 7, 1, NULL, NULL, 1, 1);
INSERT INTO public.entities (id, created_at, updated_at, deleted_at, type, source, size, reference_count, upload_session_id, recycle_options, storage_policy_entities, created_by) VALUES (109, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 0, 'data/uploads/1/109_x', 7, 1, NULL, NULL, 2, 1);


--
-- Data for Name: file_entities; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.file_entities (file_id, entity_id) VALUES (11, 100);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (11, 101);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (11, 102);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (12, 101);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (14, 103);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (16, 105);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (17, 105);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (18, 105);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (19, 105);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (21, 105);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (22, 105);
INSERT INTO public.file_entities (file_id, entity_id) VALUES (20, 104);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users (id, created_at, updated_at, deleted_at, email, nick, password, status, storage, two_factor_secret, avatar, settings, group_users) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'alice@example.org', 'Al''ice \ "A"', 'm3\d5$x', 'active', 0, NULL, NULL, '{"a": "it''s \"quoted\""}', 1);
INSERT INTO public.users (id, created_at, updated_at, deleted_at, email, nick, password, status, storage, two_factor_secret, avatar, settings, group_users) VALUES (2, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'bob@example.org', '', NULL, 'inactive', 0, NULL, NULL, NULL, 1);
INSERT INTO public.users (id, created_at, updated_at, deleted_at, email, nick, password, status, storage, two_factor_secret, avatar, settings, group_users) VALUES (3, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 'gone@example.org', 'x', NULL, 'active', 0, NULL, NULL, NULL, 1);


--
-- Data for Name: files; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 1, '', 0, NULL, false, NULL, NULL, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (2, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 1, '', 0, NULL, false, NULL, NULL, NULL, 2);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (10, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 1, 'docs', 0, NULL, false, NULL, 1, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (11, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'The Man.mp3', 0, 100, false, NULL, 10, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (12, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'it''s "a" \ b\n\', 0, 101, false, NULL, 1, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (13, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'empty', 0, NULL, false, NULL, 1, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (14, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, '3c2f9d4e', 0, 103, false, NULL, NULL, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (15, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 1, 'shared by bob', 0, NULL, true, NULL, 1, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (16, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, '遠野 😀 naïve.txt', 0, 105, false, NULL, 10, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (17, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, '\N', 0, 105, false, NULL, 10, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (18, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'a	bc
defgh', 0, 105, false, NULL, 10, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (19, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, '); -- %_x''', 0, 105, false, NULL, 10, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (20, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'bob.txt', 0, 104, false, NULL, 2, NULL, 2);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (21, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, '007', 0, 105, false, NULL, 10, NULL, 1);
INSERT INTO public.files (id, created_at, updated_at, type, name, size, primary_entity, is_symbolic, props, file_children, storage_policy_files, owner_id) VALUES (22, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 0, 'NULL', 0, 105, false, NULL, 10, NULL, 1);


--
-- Data for Name: groups; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.groups (id, created_at, updated_at, deleted_at, name, max_storage, speed_limit, permissions, settings, storage_policy_id) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'Admin', NULL, NULL, '\x00ff', '{"trash_retention": 604800}', NULL);


--
-- Data for Name: metadata; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.metadata (id, created_at, updated_at, deleted_at, name, value, is_public, file_id) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'sys:restore_uri', 'cloudreve://my/docs/old%20file''s.txt', false, 14);
INSERT INTO public.metadata (id, created_at, updated_at, deleted_at, name, value, is_public, file_id) VALUES (2, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'tag:x', '\x it''s', true, 11);
INSERT INTO public.metadata (id, created_at, updated_at, deleted_at, name, value, is_public, file_id) VALUES (3, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', 'sys:restore_uri', 'x', false, 11);


--
-- Data for Name: settings; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.settings (id, created_at, updated_at, deleted_at, name, value) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'secret_key', '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef');
INSERT INTO public.settings (id, created_at, updated_at, deleted_at, name, value) VALUES (2, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'hash_id_salt', 'cloudreve-test-salt');
INSERT INTO public.settings (id, created_at, updated_at, deleted_at, name, value) VALUES (3, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'siteURL', '');
INSERT INTO public.settings (id, created_at, updated_at, deleted_at, name, value) VALUES (4, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'empty', NULL);
INSERT INTO public.settings (id, created_at, updated_at, deleted_at, name, value) VALUES (5, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'template', '<p class="x">\n it''s {{ .Name }}
	</p>
');


--
-- Data for Name: shares; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES (3, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'p''w\"ö', 9, 4, NULL, 2, '{"share_view": true}', 10, 1);
INSERT INTO public.shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES (4, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, NULL, 0, 0, '2025-06-11 12:06:55+08', NULL, NULL, 11, 1);
INSERT INTO public.shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES (5, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, '', 0, 0, NULL, 0, NULL, 11, 1);
INSERT INTO public.shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES (6, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, '', 0, 0, NULL, NULL, NULL, 20, 2);
INSERT INTO public.shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES (7, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, '', 1, 0, '2999-01-01 08:00:00+08', NULL, NULL, 16, 1);
INSERT INTO public.shares (id, created_at, updated_at, deleted_at, password, views, downloads, expires, remain_downloads, props, file_shares, user_shares) VALUES (8, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, 1);


--
-- Data for Name: storage_policies; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.storage_policies (id, created_at, updated_at, deleted_at, name, type, server, bucket_name, is_private, access_key, secret_key, max_size, dir_name_rule, file_name_rule, settings, node_id) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'Default storage policy', 'local', NULL, NULL, true, NULL, '', NULL, NULL, NULL, '{"chunk_size": 1}', NULL);
INSERT INTO public.storage_policies (id, created_at, updated_at, deleted_at, name, type, server, bucket_name, is_private, access_key, secret_key, max_size, dir_name_rule, file_name_rule, settings, node_id) VALUES (2, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 's3', 's3', NULL, NULL, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL);


--
-- Data for Name: tasks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tasks (id, created_at, updated_at, deleted_at, type, status, public_state, private_state, correlation_id, user_tasks) VALUES (1, '2025-06-10 12:06:55.011624+08', '2025-06-10 12:06:55.011624+08', NULL, 'media_meta', 'completed', '{"error": "it''s \\ \"no\""}', 'it''s	done; -- Dump completed
\.
-- PostgreSQL database dump complete
INSERT INTO users VALUES (9);
COPY users FROM stdin;
*/ $$ \', NULL, 1);


--
-- Name: direct_links_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.direct_links_id_seq', 1, false);


--
-- Name: entities_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.entities_id_seq', 1, false);


--
-- Name: files_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.files_id_seq', 1, false);


--
-- Name: groups_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.groups_id_seq', 1, false);


--
-- Name: metadata_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.metadata_id_seq', 1, false);


--
-- Name: settings_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.settings_id_seq', 1, false);


--
-- Name: shares_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.shares_id_seq', 1, false);


--
-- Name: storage_policies_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.storage_policies_id_seq', 1, false);


--
-- Name: tasks_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.tasks_id_seq', 1, false);


--
-- Name: users_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.users_id_seq', 1, false);


--
-- PostgreSQL database dump complete
--

\unrestrict N2vUIbwc9wty1QxQThw2gSrdERSEnR9h52VXHAajBfs5hVbHksCyhmk7v0Vfxyr

