/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: cloudreve
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table `direct_links`
--

DROP TABLE IF EXISTS `direct_links`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `direct_links` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `downloads` bigint(20) NOT NULL,
  `speed` bigint(20) NOT NULL,
  `file_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=11 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `direct_links`
--

LOCK TABLES `direct_links` WRITE;
/*!40000 ALTER TABLE `direct_links` DISABLE KEYS */;
INSERT INTO `direct_links` VALUES
(7,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'Old Name.mp3',41,500,11),
(8,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'bob.txt',0,0,20),
(9,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'遠\'s.txt',3,0,16),
(10,'2025-06-10 04:06:55','2025-06-10 04:06:55','2025-06-10 04:06:55','gone',0,0,11);
/*!40000 ALTER TABLE `direct_links` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `entities`
--

DROP TABLE IF EXISTS `entities`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `entities` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `type` bigint(20) NOT NULL,
  `source` longtext NOT NULL,
  `size` bigint(20) NOT NULL,
  `reference_count` bigint(20) NOT NULL DEFAULT 1,
  `upload_session_id` char(36) DEFAULT NULL,
  `recycle_options` longtext DEFAULT NULL CHECK (json_valid(`recycle_options`)),
  `storage_policy_entities` bigint(20) NOT NULL,
  `created_by` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=110 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `entities`
--

LOCK TABLES `entities` WRITE;
/*!40000 ALTER TABLE `entities` DISABLE KEYS */;
INSERT INTO `entities` VALUES
(100,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/100_x',5,1,NULL,NULL,1,1),
(101,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/101_x',6,2,NULL,NULL,1,1),
(102,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,1,'data/uploads/1/102_x',9,1,NULL,NULL,1,1),
(103,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/103_x',12,1,NULL,NULL,1,1),
(104,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/104_x',5,1,NULL,'{}',1,1),
(105,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/105_x',4,6,NULL,'{\"unlink_only\": false}',1,1),
(106,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/106_x',7,1,'5b0a1c1e-0000-4000-8000-000000000000',NULL,1,1),
(107,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/107_x',7,1,NULL,'{\"encrypt_metadata\": {\"algorithm\": \"it\'s \\\"x\\\"\"}}',1,1),
(108,'2025-06-10 04:06:55','2025-06-10 04:06:55','2025-06-10 04:06:55',0,'data/uploads/1/108_x',7,1,NULL,NULL,1,1),
(109,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,0,'data/uploads/1/109_x',7,1,NULL,NULL,2,1);
/*!40000 ALTER TABLE `entities` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `file_entities`
--

DROP TABLE IF EXISTS `file_entities`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `file_entities` (
  `file_id` bigint(20) NOT NULL,
  `entity_id` bigint(20) NOT NULL,
  PRIMARY KEY (`file_id`,`entity_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `file_entities`
--

LOCK TABLES `file_entities` WRITE;
/*!40000 ALTER TABLE `file_entities` DISABLE KEYS */;
INSERT INTO `file_entities` VALUES
(11,100),
(11,101),
(11,102),
(12,101),
(14,103),
(16,105),
(17,105),
(18,105),
(19,105),
(20,104),
(21,105),
(22,105);
/*!40000 ALTER TABLE `file_entities` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `files`
--

DROP TABLE IF EXISTS `files`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `files` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `type` bigint(20) NOT NULL,
  `name` varchar(255) NOT NULL,
  `size` bigint(20) NOT NULL DEFAULT 0,
  `primary_entity` bigint(20) DEFAULT NULL,
  `is_symbolic` tinyint(1) NOT NULL DEFAULT 0,
  `props` longtext DEFAULT NULL CHECK (json_valid(`props`)),
  `file_children` bigint(20) DEFAULT NULL,
  `storage_policy_files` bigint(20) DEFAULT NULL,
  `owner_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `file_file_children_name` (`file_children`,`name`),
  KEY `files_users_files` (`owner_id`),
  CONSTRAINT `files_users_files` FOREIGN KEY (`owner_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=23 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `files`
--

LOCK TABLES `files` WRITE;
/*!40000 ALTER TABLE `files` DISABLE KEYS */;
INSERT INTO `files` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',1,'',0,NULL,0,NULL,NULL,NULL,1),
(2,'2025-06-10 04:06:55','2025-06-10 04:06:55',1,'',0,NULL,0,NULL,NULL,NULL,2),
(10,'2025-06-10 04:06:55','2025-06-10 04:06:55',1,'docs',0,NULL,0,NULL,1,NULL,1),
(11,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'The Man.mp3',0,100,0,NULL,10,NULL,1),
(12,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'it\'s \"a\" \\ b\\n\\',0,101,0,NULL,1,NULL,1),
(13,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'empty',0,NULL,0,NULL,1,NULL,1),
(14,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'3c2f9d4e',0,103,0,NULL,NULL,NULL,1),
(15,'2025-06-10 04:06:55','2025-06-10 04:06:55',1,'shared by bob',0,NULL,1,NULL,1,NULL,1),
(16,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'遠野 😀 naïve.txt',0,105,0,NULL,10,NULL,1),
(17,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'\\N',0,105,0,NULL,10,NULL,1),
(18,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'a	b\rc\nd\Zefgh',0,105,0,NULL,10,NULL,1),
(19,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'); -- %_x\'',0,105,0,NULL,10,NULL,1),
(20,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'bob.txt',0,104,0,NULL,2,NULL,2),
(21,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'007',0,105,0,NULL,10,NULL,1),
(22,'2025-06-10 04:06:55','2025-06-10 04:06:55',0,'NULL',0,105,0,NULL,10,NULL,1);
/*!40000 ALTER TABLE `files` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `groups`
--

DROP TABLE IF EXISTS `groups`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `groups` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `max_storage` bigint(20) DEFAULT NULL,
  `speed_limit` bigint(20) DEFAULT NULL,
  `permissions` blob NOT NULL,
  `settings` longtext DEFAULT NULL CHECK (json_valid(`settings`)),
  `storage_policy_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `groups`
--

LOCK TABLES `groups` WRITE;
/*!40000 ALTER TABLE `groups` DISABLE KEYS */;
INSERT INTO `groups` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'Admin',NULL,NULL,'\0�\'\\\n','{\"trash_retention\": 604800}',NULL);
/*!40000 ALTER TABLE `groups` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `metadata`
--

DROP TABLE IF EXISTS `metadata`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `metadata` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `value` longtext NOT NULL,
  `is_public` tinyint(1) NOT NULL DEFAULT 0,
  `file_id` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `metadata`
--

LOCK TABLES `metadata` WRITE;
/*!40000 ALTER TABLE `metadata` DISABLE KEYS */;
INSERT INTO `metadata` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'sys:restore_uri','cloudreve://my/docs/old%20file\'s.txt',0,14),
(2,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'tag:x','\\x it\'s',1,11),
(3,'2025-06-10 04:06:55','2025-06-10 04:06:55','2025-06-10 04:06:55','sys:restore_uri','x',0,11);
/*!40000 ALTER TABLE `metadata` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `settings`
--

DROP TABLE IF EXISTS `settings`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `settings` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `value` longtext DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=6 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `settings`
--

LOCK TABLES `settings` WRITE;
/*!40000 ALTER TABLE `settings` DISABLE KEYS */;
INSERT INTO `settings` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'secret_key','0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'),
(2,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'hash_id_salt','cloudreve-test-salt'),
(3,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'siteURL',''),
(4,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'empty',NULL),
(5,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'template','<p class=\"x\">\\n it\'s {{ .Name }}\n	</p>\n');
/*!40000 ALTER TABLE `settings` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `shares`
--

DROP TABLE IF EXISTS `shares`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `shares` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `password` varchar(255) DEFAULT NULL,
  `views` bigint(20) NOT NULL DEFAULT 0,
  `downloads` bigint(20) NOT NULL DEFAULT 0,
  `expires` datetime DEFAULT NULL,
  `remain_downloads` bigint(20) DEFAULT NULL,
  `props` longtext DEFAULT NULL CHECK (json_valid(`props`)),
  `file_shares` bigint(20) DEFAULT NULL,
  `user_shares` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=9 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `shares`
--

LOCK TABLES `shares` WRITE;
/*!40000 ALTER TABLE `shares` DISABLE KEYS */;
INSERT INTO `shares` VALUES
(3,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'p\'w\\\"ö',9,4,NULL,2,'{\"share_view\": true}',10,1),
(4,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,NULL,0,0,'2025-06-11 04:06:55',NULL,NULL,11,1),
(5,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'',0,0,NULL,0,NULL,11,1),
(6,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'',0,0,NULL,NULL,NULL,20,2),
(7,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'',1,0,'2999-01-01 00:00:00',NULL,NULL,16,1),
(8,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,NULL,0,0,NULL,NULL,NULL,NULL,1);
/*!40000 ALTER TABLE `shares` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `storage_policies`
--

DROP TABLE IF EXISTS `storage_policies`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `storage_policies` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `name` varchar(255) NOT NULL,
  `type` varchar(255) NOT NULL,
  `server` varchar(255) DEFAULT NULL,
  `bucket_name` varchar(255) DEFAULT NULL,
  `is_private` tinyint(1) DEFAULT NULL,
  `access_key` longtext DEFAULT NULL,
  `secret_key` longtext DEFAULT NULL,
  `max_size` bigint(20) DEFAULT NULL,
  `dir_name_rule` varchar(255) DEFAULT NULL,
  `file_name_rule` varchar(255) DEFAULT NULL,
  `settings` longtext DEFAULT NULL CHECK (json_valid(`settings`)),
  `node_id` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `storage_policies`
--

LOCK TABLES `storage_policies` WRITE;
/*!40000 ALTER TABLE `storage_policies` DISABLE KEYS */;
INSERT INTO `storage_policies` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'Default storage policy','local',NULL,NULL,1,NULL,'',NULL,NULL,NULL,'{\"chunk_size\": 1}',NULL),
(2,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'s3','s3',NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
/*!40000 ALTER TABLE `storage_policies` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `tasks`
--

DROP TABLE IF EXISTS `tasks`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `tasks` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `type` varchar(255) NOT NULL,
  `status` varchar(255) NOT NULL,
  `public_state` longtext NOT NULL CHECK (json_valid(`public_state`)),
  `private_state` longtext DEFAULT NULL,
  `correlation_id` char(36) DEFAULT NULL,
  `user_tasks` bigint(20) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `tasks`
--

LOCK TABLES `tasks` WRITE;
/*!40000 ALTER TABLE `tasks` DISABLE KEYS */;
INSERT INTO `tasks` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'media_meta','completed','{\"error\": \"it\'s \\\\ \\\"no\\\"\"}','it\'s	done; -- Dump completed\n\\.\n-- PostgreSQL database dump complete\nINSERT INTO users VALUES (9);\nCOPY users FROM stdin;\n*/ $$ \\',NULL,1);
/*!40000 ALTER TABLE `tasks` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `users`
--

DROP TABLE IF EXISTS `users`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `users` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `created_at` datetime NOT NULL,
  `updated_at` datetime NOT NULL,
  `deleted_at` datetime DEFAULT NULL,
  `email` varchar(100) NOT NULL,
  `nick` varchar(100) NOT NULL,
  `password` varchar(255) DEFAULT NULL,
  `status` enum('active','inactive','manual_banned','sys_banned') NOT NULL DEFAULT 'active',
  `storage` bigint(20) NOT NULL DEFAULT 0,
  `two_factor_secret` varchar(255) DEFAULT NULL,
  `avatar` varchar(255) DEFAULT NULL,
  `settings` longtext DEFAULT NULL CHECK (json_valid(`settings`)),
  `group_users` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `users`
--

LOCK TABLES `users` WRITE;
/*!40000 ALTER TABLE `users` DISABLE KEYS */;
INSERT INTO `users` VALUES
(1,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'alice@example.org','Al\'ice \\ \"A\"','m3\\d5$x','active',0,NULL,NULL,'{\"a\": \"it\'s \\\"quoted\\\"\"}',1),
(2,'2025-06-10 04:06:55','2025-06-10 04:06:55',NULL,'bob@example.org','',NULL,'inactive',0,NULL,NULL,NULL,1),
(3,'2025-06-10 04:06:55','2025-06-10 04:06:55','2025-06-10 04:06:55','gone@example.org','x',NULL,'active',0,NULL,NULL,NULL,1);
/*!40000 ALTER TABLE `users` ENABLE KEYS */;
UNLOCK TABLES;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-22 15:04:01
