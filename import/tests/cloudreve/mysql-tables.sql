-- The tables of Cloudreve v4 on MySQL, as far as a dump of them matters here.
CREATE TABLE `groups` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `name` varchar(255) NOT NULL,
  `max_storage` bigint NULL,
  `speed_limit` bigint NULL,
  `permissions` blob NOT NULL,
  `settings` json NULL,
  `storage_policy_id` bigint NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `users` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `email` varchar(100) NOT NULL,
  `nick` varchar(100) NOT NULL,
  `password` varchar(255) NULL,
  `status` enum('active','inactive','manual_banned','sys_banned') DEFAULT 'active' NOT NULL,
  `storage` bigint DEFAULT 0 NOT NULL,
  `two_factor_secret` varchar(255) NULL,
  `avatar` varchar(255) NULL,
  `settings` json NULL,
  `group_users` bigint NOT NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `storage_policies` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `name` varchar(255) NOT NULL,
  `type` varchar(255) NOT NULL,
  `server` varchar(255) NULL,
  `bucket_name` varchar(255) NULL,
  `is_private` bool NULL,
  `access_key` longtext NULL,
  `secret_key` longtext NULL,
  `max_size` bigint NULL,
  `dir_name_rule` varchar(255) NULL,
  `file_name_rule` varchar(255) NULL,
  `settings` json NULL,
  `node_id` bigint NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `files` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `type` bigint NOT NULL,
  `name` varchar(255) NOT NULL,
  `size` bigint DEFAULT 0 NOT NULL,
  `primary_entity` bigint NULL,
  `is_symbolic` bool DEFAULT false NOT NULL,
  `props` json NULL,
  `file_children` bigint NULL,
  `storage_policy_files` bigint NULL,
  `owner_id` bigint NOT NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `entities` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `type` bigint NOT NULL,
  `source` longtext NOT NULL,
  `size` bigint NOT NULL,
  `reference_count` bigint DEFAULT 1 NOT NULL,
  `upload_session_id` char(36) NULL,
  `recycle_options` json NULL,
  `storage_policy_entities` bigint NOT NULL,
  `created_by` bigint NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `file_entities` (
  `file_id` bigint NOT NULL,
  `entity_id` bigint NOT NULL,
  PRIMARY KEY (file_id, entity_id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `direct_links` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `name` varchar(255) NOT NULL,
  `downloads` bigint NOT NULL,
  `speed` bigint NOT NULL,
  `file_id` bigint NOT NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `shares` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `password` varchar(255) NULL,
  `views` bigint DEFAULT 0 NOT NULL,
  `downloads` bigint DEFAULT 0 NOT NULL,
  `expires` datetime NULL,
  `remain_downloads` bigint NULL,
  `props` json NULL,
  `file_shares` bigint NULL,
  `user_shares` bigint NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `metadata` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `name` varchar(255) NOT NULL,
  `value` longtext NOT NULL,
  `is_public` bool DEFAULT false NOT NULL,
  `file_id` bigint NOT NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `settings` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `name` varchar(255) NOT NULL,
  `value` longtext NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE `tasks` (
  `id` bigint AUTO_INCREMENT NOT NULL,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime NULL,
  `type` varchar(255) NOT NULL,
  `status` varchar(255) NOT NULL,
  `public_state` json NOT NULL,
  `private_state` longtext NULL,
  `correlation_id` char(36) NULL,
  `user_tasks` bigint NULL,
  PRIMARY KEY (id)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX `file_file_children_name` ON `files` (`file_children`, `name`);
ALTER TABLE `files` ADD CONSTRAINT `files_users_files` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`);
