BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0009');
CREATE TABLE alias (
	id INTEGER NOT NULL, 
	asset_id INTEGER NOT NULL, 
	alias VARCHAR(64) NOT NULL, 
	node_id INTEGER NOT NULL, 
	protected BOOLEAN NOT NULL, 
	moved_at DATETIME NOT NULL, 
	moved_by VARCHAR NOT NULL, 
	CONSTRAINT pk_alias PRIMARY KEY (id), 
	CONSTRAINT uq_alias_asset_id_alias UNIQUE (asset_id, alias), 
	CONSTRAINT fk_alias_asset_id_asset FOREIGN KEY(asset_id) REFERENCES asset (id), 
	CONSTRAINT fk_alias_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
INSERT INTO "alias" VALUES(1,4,'champion',8,0,'2026-11-23 09:30:00.000000','ana');
CREATE TABLE alias_move (
	id INTEGER NOT NULL, 
	asset_id INTEGER NOT NULL, 
	alias VARCHAR(64) NOT NULL, 
	node_id INTEGER, 
	protected BOOLEAN NOT NULL, 
	moved_at DATETIME NOT NULL, 
	moved_by VARCHAR NOT NULL, 
	CONSTRAINT pk_alias_move PRIMARY KEY (id), 
	CONSTRAINT fk_alias_move_asset_id_asset FOREIGN KEY(asset_id) REFERENCES asset (id), 
	CONSTRAINT fk_alias_move_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
INSERT INTO "alias_move" VALUES(1,4,'champion',8,0,'2026-11-23 09:30:00.000000','ana');
CREATE TABLE asset (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	name VARCHAR(96) NOT NULL, 
	folded VARCHAR(96) NOT NULL, 
	task VARCHAR NOT NULL, 
	modality VARCHAR NOT NULL, 
	licence VARCHAR NOT NULL, 
	origin VARCHAR NOT NULL, 
	description TEXT NOT NULL, 
	owner VARCHAR NOT NULL, 
	words TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	CONSTRAINT pk_asset PRIMARY KEY (id), 
	CONSTRAINT uq_asset_kind_folded UNIQUE (kind, folded)
);
INSERT INTO "asset" VALUES(1,'datasets','vision/scans','vision/scans','image-classification','image','Apache-2.0','internal','','ana','vision/scans','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "asset" VALUES(2,'datasets','text/ratings','text/ratings','image-classification','image','Apache-2.0','internal','','ana','text/ratings','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "asset" VALUES(3,'models','vision/base','vision/base','image-classification','image','Apache-2.0','internal','','ana','vision/base','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "asset" VALUES(4,'models','vision/digits','vision/digits','image-classification','image','Apache-2.0','internal','','ana','vision/digits','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',NULL);
CREATE TABLE asset_tag (
	asset_id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	value VARCHAR(512) NOT NULL, 
	CONSTRAINT pk_asset_tag PRIMARY KEY (asset_id, "key"), 
	CONSTRAINT fk_asset_tag_asset_id_asset FOREIGN KEY(asset_id) REFERENCES asset (id)
);
CREATE TABLE audit_entry (
	seq INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	previous BLOB NOT NULL, 
	leaf BLOB NOT NULL, 
	entry BLOB NOT NULL, 
	subject VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	CONSTRAINT pk_audit_entry PRIMARY KEY (seq)
);
INSERT INTO "audit_entry" VALUES(1,X'7B22616374696F6E223A2276657273696F6E2E7075626C6973686564222C226163746F72223A22616E61222C226174223A22323032362D31312D32335430393A33303A30302B30303A3030222C2264657461696C223A7B7D2C22736571223A312C227375626A656374223A226D6F64656C733A2F766973696F6E2F626173652F31222C2276223A317D',X'9FF78BEA395BD3A768C23C26C33A60417F12CB22162AC2817A53272DAA0ECB9A',X'676EDF8F0FC0D0E0171906C1E9870E3631C288BDAF3FFA9334E717440D08B680',X'CA0FFACEDFD7A6765531757C4C65F88AD12019D7DF451AFBC6FB12D2C7C841BC','models:/vision/base/1','version.published');
INSERT INTO "audit_entry" VALUES(2,X'7B22616374696F6E223A2276657273696F6E2E7075626C6973686564222C226163746F72223A22616E61222C226174223A22323032362D31312D32335430393A33303A30302B30303A3030222C2264657461696C223A7B7D2C22736571223A322C227375626A656374223A226D6F64656C733A2F766973696F6E2F6469676974732F31222C2276223A317D',X'CA0FFACEDFD7A6765531757C4C65F88AD12019D7DF451AFBC6FB12D2C7C841BC',X'FE93E800B93DF1E25CC721ADFE23F8600DE3E68ADE466C18026C41A667217548',X'0FEA32E123D9E21EF75F3D0183F2CD841A8FFB93C48A458B38F653923EC47FB3','models:/vision/digits/1','version.published');
CREATE TABLE audit_index (
	seq INTEGER NOT NULL, 
	actor VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_audit_index PRIMARY KEY (seq)
);
INSERT INTO "audit_index" VALUES(1,'ana','2026-11-23 09:30:00.000000');
INSERT INTO "audit_index" VALUES(2,'ana','2026-11-23 09:30:00.000000');
CREATE TABLE card_revision (
	id INTEGER NOT NULL, 
	node_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	text TEXT NOT NULL, 
	written_at DATETIME NOT NULL, 
	written_by VARCHAR NOT NULL, 
	CONSTRAINT pk_card_revision PRIMARY KEY (id), 
	CONSTRAINT uq_card_revision_node_id_number UNIQUE (node_id, number), 
	CONSTRAINT fk_card_revision_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
INSERT INTO "card_revision" VALUES(1,8,1,X'218CBC36DC7942B81C7666447ED66369015B4C9F9DB79E16BD750E76559EF65E','# Digits','2026-11-23 09:30:00.000000','ana');
CREATE TABLE "curve_point" (
	step_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	role VARCHAR(64) NOT NULL, 
	epoch INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	value DOUBLE, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_curve_point PRIMARY KEY (step_id, name, role, epoch, step), 
	CONSTRAINT fk_curve_point_step_id_step FOREIGN KEY(step_id) REFERENCES step (node_id)
);
CREATE TABLE damage (
	node_id INTEGER NOT NULL, 
	form VARCHAR(16) NOT NULL, 
	digest BLOB NOT NULL, 
	place TEXT NOT NULL, 
	fault VARCHAR(16) NOT NULL, 
	found_at DATETIME NOT NULL, 
	CONSTRAINT pk_damage PRIMARY KEY (node_id, form, digest), 
	CONSTRAINT fk_damage_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
CREATE TABLE dataset_version (
	node_id INTEGER NOT NULL, 
	format VARCHAR NOT NULL, 
	rows INTEGER NOT NULL, 
	row_index BLOB NOT NULL, 
	splits JSON NOT NULL, 
	split_plan JSON NOT NULL, 
	dvc JSON, labels VARCHAR(16) DEFAULT 'class' NOT NULL, 
	CONSTRAINT pk_dataset_version PRIMARY KEY (node_id), 
	CONSTRAINT fk_dataset_version_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
INSERT INTO "dataset_version" VALUES(2,'image-folder',10,X'4DB669926F90EFAFC49AA80E12324EC16FF44ADB7D3817AF4299591D9E638814','[{"name": "train", "rows": 8, "classes": {"cat": 5, "dog": 3}, "numbers": null}, {"name": "test", "rows": 2, "classes": {"cat": 1, "dog": 1}, "numbers": null}]','{"shares": {"train": 0.8, "test": 0.2}, "seed": 3, "column": null}',NULL,'class');
INSERT INTO "dataset_version" VALUES(4,'image-folder',10,X'ECFF510C60AE3BED40EC8E541B75D1CF18B542FEBEBA4AC9AA1A51937374402D','[{"name": "train", "rows": 8, "classes": {}, "numbers": {"least": -1.5, "mean": 0.25, "most": 3.0}}, {"name": "test", "rows": 2, "classes": {}, "numbers": {"least": 0.0, "mean": 1.0, "most": 2.0}}]','{"shares": {"train": 0.8, "test": 0.2}, "seed": 3, "column": null}',NULL,'number');
CREATE TABLE edge (
	id INTEGER NOT NULL, 
	from_node INTEGER NOT NULL, 
	to_node INTEGER NOT NULL, 
	role VARCHAR NOT NULL, 
	split VARCHAR, 
	assurance VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	superseded_by INTEGER, 
	CONSTRAINT pk_edge PRIMARY KEY (id), 
	CONSTRAINT fk_edge_from_node_node FOREIGN KEY(from_node) REFERENCES node (id), 
	CONSTRAINT fk_edge_to_node_node FOREIGN KEY(to_node) REFERENCES node (id), 
	CONSTRAINT fk_edge_superseded_by_edge FOREIGN KEY(superseded_by) REFERENCES edge (id)
);
INSERT INTO "edge" VALUES(1,1,2,'output',NULL,'observed','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "edge" VALUES(2,3,4,'output',NULL,'observed','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "edge" VALUES(3,5,6,'output',NULL,'observed','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "edge" VALUES(4,6,7,'source',NULL,'observed','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "edge" VALUES(5,2,7,'train','train','observed','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "edge" VALUES(6,2,7,'test','test','observed','2026-11-23 09:30:00.000000',NULL);
INSERT INTO "edge" VALUES(7,7,8,'output',NULL,'observed','2026-11-23 09:30:00.000000',NULL);
CREATE TABLE ended_session (
	name BLOB NOT NULL, 
	until DATETIME NOT NULL, 
	CONSTRAINT pk_ended_session PRIMARY KEY (name)
);
CREATE TABLE evidence (
	id INTEGER NOT NULL, 
	public_id VARCHAR(40) NOT NULL, 
	node_id INTEGER NOT NULL, 
	subject BLOB NOT NULL, 
	type VARCHAR NOT NULL, 
	digest BLOB NOT NULL, 
	body JSON NOT NULL, 
	file BLOB, 
	file_name VARCHAR, 
	added_at DATETIME NOT NULL, 
	added_by VARCHAR NOT NULL, 
	CONSTRAINT pk_evidence PRIMARY KEY (id), 
	CONSTRAINT uq_evidence_public_id UNIQUE (public_id), 
	CONSTRAINT fk_evidence_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
CREATE TABLE extent (
	file_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	blob BLOB NOT NULL, 
	"offset" INTEGER NOT NULL, 
	length INTEGER NOT NULL, 
	CONSTRAINT pk_extent PRIMARY KEY (file_id, position), 
	CONSTRAINT fk_extent_file_id_file FOREIGN KEY(file_id) REFERENCES file (id)
);
INSERT INTO "extent" VALUES(1,0,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A',0,2);
INSERT INTO "extent" VALUES(2,0,X'454A115436AC221262B2110A3BBD5F335178FA6E1C6F9A7CB8AD011FAAE5C12A',0,24);
INSERT INTO "extent" VALUES(3,0,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A',0,2);
INSERT INTO "extent" VALUES(4,0,X'5CE684A6E6CA4D377575C56FC9817D3F3CDBE2D046C3D0F96C64F93B4ACD9E18',0,24);
INSERT INTO "extent" VALUES(5,0,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A',0,2);
INSERT INTO "extent" VALUES(6,0,X'C00D32A42813C4BBD3BC51EA2E5548C103094473C0D069FD7CDB32C67169E4E6',0,21);
INSERT INTO "extent" VALUES(7,0,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A',0,2);
INSERT INTO "extent" VALUES(8,0,X'CDF96D56D0842C99A22255F87EC03893AB79E66AC2DEF4087E56CAA807588476',0,23);
CREATE TABLE file (
	id INTEGER NOT NULL, 
	node_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	sha256 BLOB NOT NULL, 
	CONSTRAINT pk_file PRIMARY KEY (id), 
	CONSTRAINT uq_file_node_id_path UNIQUE (node_id, path), 
	CONSTRAINT fk_file_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
INSERT INTO "file" VALUES(1,2,'config.json',2,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A');
INSERT INTO "file" VALUES(2,2,'weights/model.safetensors',24,X'454A115436AC221262B2110A3BBD5F335178FA6E1C6F9A7CB8AD011FAAE5C12A');
INSERT INTO "file" VALUES(3,4,'config.json',2,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A');
INSERT INTO "file" VALUES(4,4,'weights/model.safetensors',24,X'5CE684A6E6CA4D377575C56FC9817D3F3CDBE2D046C3D0F96C64F93B4ACD9E18');
INSERT INTO "file" VALUES(5,6,'config.json',2,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A');
INSERT INTO "file" VALUES(6,6,'weights/model.safetensors',21,X'C00D32A42813C4BBD3BC51EA2E5548C103094473C0D069FD7CDB32C67169E4E6');
INSERT INTO "file" VALUES(7,8,'config.json',2,X'44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A');
INSERT INTO "file" VALUES(8,8,'weights/model.safetensors',23,X'CDF96D56D0842C99A22255F87EC03893AB79E66AC2DEF4087E56CAA807588476');
CREATE TABLE lease (
	step_id INTEGER NOT NULL, 
	engine VARCHAR(64) NOT NULL, 
	worker VARCHAR(64), 
	machine VARCHAR, 
	until DATETIME NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (step_id), 
	CONSTRAINT fk_lease_step_id_step FOREIGN KEY(step_id) REFERENCES step (node_id)
);
CREATE TABLE metric (
	id INTEGER NOT NULL, 
	step_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	data BLOB NOT NULL, 
	split VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	value DOUBLE, 
	data_label VARCHAR NOT NULL, 
	CONSTRAINT pk_metric PRIMARY KEY (id), 
	CONSTRAINT uq_metric_step_id_name_data_split_role UNIQUE (step_id, name, data, split, role), 
	CONSTRAINT fk_metric_step_id_step FOREIGN KEY(step_id) REFERENCES step (node_id)
);
INSERT INTO "metric" VALUES(1,7,'accuracy',X'3A6EB0790F39AC87C94F3856B2DD2C5D110E6811602261A9A923D3BB23ADC8B7','test','test',0.93,'data');
CREATE TABLE mirror (
	step_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	run_id VARCHAR, 
	attempts INTEGER NOT NULL, 
	error TEXT, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_mirror PRIMARY KEY (step_id), 
	CONSTRAINT fk_mirror_step_id_step FOREIGN KEY(step_id) REFERENCES step (node_id)
);
INSERT INTO "mirror" VALUES(1,'off',NULL,0,NULL,'2026-11-23 09:30:00.000000');
INSERT INTO "mirror" VALUES(3,'off',NULL,0,NULL,'2026-11-23 09:30:00.000000');
INSERT INTO "mirror" VALUES(5,'off',NULL,0,NULL,'2026-11-23 09:30:00.000000');
INSERT INTO "mirror" VALUES(7,'off',NULL,0,NULL,'2026-11-23 09:30:00.000000');
CREATE TABLE model_version (
	node_id INTEGER NOT NULL, 
	architecture VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	status_reason TEXT NOT NULL, 
	CONSTRAINT pk_model_version PRIMARY KEY (node_id), 
	CONSTRAINT fk_model_version_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
INSERT INTO "model_version" VALUES(6,'resnet-18','registered','active','');
INSERT INTO "model_version" VALUES(8,'resnet-18','registered','active','');
CREATE TABLE node (
	id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	digest BLOB NOT NULL, 
	label VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_node PRIMARY KEY (id), 
	CONSTRAINT uq_node_label UNIQUE (label)
);
INSERT INTO "node" VALUES(1,'transfer_step',X'2D6C27AAC478AEBF3E977CEFF8E8227E947AFC7205AAA387408778C5F574C2D4','step-01m83vvae0dwvmjg3512mqwtcz','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(2,'dataset_version',X'2A7F1C524F6A0DEBC1EAC774CE467779BC7ED222A93028E4F0AF404870E65358','datasets:/vision/scans/1','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(3,'transfer_step',X'4F07AF624D597DF014657A7314C88AD4705D24A59FFF9CA9E08E46A36E575787','step-01m83vvae01bweqw4055w3amnk','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(4,'dataset_version',X'B0B782EC5CEB4D23832FD2D0B9129449DE21C7616C272891CE3DF366560EF93D','datasets:/text/ratings/1','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(5,'transfer_step',X'25694E2EDEE535632C7392DB0C889EB1B127EACB9136AAED95A1062F55BBD920','step-01m83vvae08nc4wp4q4b8hyt6z','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(6,'model_version',X'E5ACBB6DE964D3F271C088EF9A1137849B8CFFDCE9C2FBC27EB7318A6D0EC58A','models:/vision/base/1','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(7,'transfer_step',X'BC9DFC98B00544CF87905189437BF65E103F82E689AFDBDBB867C9F692845752','step-01m83vvae0a6dphnqkhxa0avkk','2026-11-23 09:30:00.000000');
INSERT INTO "node" VALUES(8,'model_version',X'7B1AF7600CBF411ED789A9796A5292D7E628CC35649F25EACC980B4C9FB835FF','models:/vision/digits/1','2026-11-23 09:30:00.000000');
CREATE TABLE person (
	id INTEGER NOT NULL, 
	handle VARCHAR(96) NOT NULL, 
	name VARCHAR NOT NULL, 
	service BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT uq_person_handle UNIQUE (handle)
);
INSERT INTO "person" VALUES(1,'ana','Ana Li',0,'2026-11-23 09:30:00.000000');
CREATE TABLE policy (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	text TEXT NOT NULL, 
	published_at DATETIME NOT NULL, 
	published_by VARCHAR NOT NULL, 
	CONSTRAINT pk_policy PRIMARY KEY (id), 
	CONSTRAINT uq_policy_name_version UNIQUE (name, version)
);
CREATE TABLE request (
	id INTEGER NOT NULL, 
	public_id VARCHAR(40) NOT NULL, 
	node_id INTEGER NOT NULL, 
	from_stage VARCHAR NOT NULL, 
	to_stage VARCHAR NOT NULL, 
	alias VARCHAR(64), 
	state VARCHAR(16) NOT NULL, 
	requested_by VARCHAR NOT NULL, 
	requested_at DATETIME NOT NULL, 
	closed_at DATETIME, 
	comment TEXT NOT NULL, 
	policy VARCHAR NOT NULL, 
	policy_digest BLOB NOT NULL, 
	bound_artifact BLOB NOT NULL, 
	bound_lineage BLOB NOT NULL, 
	bound_policy BLOB NOT NULL, 
	bound_evidence BLOB NOT NULL, 
	verdict JSON NOT NULL, 
	CONSTRAINT pk_request PRIMARY KEY (id), 
	CONSTRAINT uq_request_public_id UNIQUE (public_id), 
	CONSTRAINT fk_request_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
CREATE TABLE role_grant (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	role VARCHAR(64) NOT NULL, 
	granted_at DATETIME NOT NULL, 
	granted_by VARCHAR NOT NULL, 
	revoked_at DATETIME, 
	revoked_by VARCHAR, 
	CONSTRAINT pk_role_grant PRIMARY KEY (id), 
	CONSTRAINT fk_role_grant_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
INSERT INTO "role_grant" VALUES(1,1,'admin','2026-11-23 09:30:00.000000','ana',NULL,NULL);
CREATE TABLE step (
	node_id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	wanted VARCHAR(96) NOT NULL, 
	method VARCHAR NOT NULL, 
	adapter VARCHAR NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	recipe JSON NOT NULL, 
	created_by VARCHAR NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	updated_at DATETIME NOT NULL, 
	epoch DOUBLE NOT NULL, 
	epochs INTEGER NOT NULL, 
	error TEXT, 
	manifest BLOB, 
	manifest_digest BLOB, progress JSON, verdict_void TEXT, 
	CONSTRAINT pk_step PRIMARY KEY (node_id), 
	CONSTRAINT fk_step_node_id_node FOREIGN KEY(node_id) REFERENCES node (id)
);
INSERT INTO "step" VALUES(1,'datasets','vision/scans','import','torch','succeeded','{"schema": "forebear/recipe/v1", "output": "vision/scans", "seed": 7, "submitted": {"text": "", "git": {}, "threads": 1}}','ana','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',0.0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "step" VALUES(3,'datasets','text/ratings','import','torch','succeeded','{"schema": "forebear/recipe/v1", "output": "text/ratings", "seed": 7, "submitted": {"text": "", "git": {}, "threads": 1}}','ana','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',0.0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "step" VALUES(5,'models','vision/base','fine_tuning','torch','succeeded','{"schema": "forebear/recipe/v1", "output": "vision/base", "seed": 7, "submitted": {"text": "", "git": {}, "threads": 1}}','ana','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',0.0,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "step" VALUES(7,'models','vision/digits','fine_tuning','torch','succeeded','{"schema": "forebear/recipe/v1", "output": "vision/digits", "seed": 7, "submitted": {"text": "", "git": {}, "threads": 1}}','ana','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000','2026-11-23 09:30:00.000000',0.0,0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE store_check (
	id INTEGER NOT NULL, 
	started_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	started_by VARCHAR NOT NULL, 
	position BLOB, 
	objects INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	total INTEGER NOT NULL, 
	faults INTEGER NOT NULL, 
	CONSTRAINT pk_store_check PRIMARY KEY (id)
);
CREATE TABLE token (
	id INTEGER NOT NULL, 
	public_id VARCHAR(40) NOT NULL, 
	person_id INTEGER NOT NULL, 
	label VARCHAR NOT NULL, 
	last_four VARCHAR(4) NOT NULL, 
	secret_hash BLOB NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	last_used_at DATETIME, 
	revoked_at DATETIME, 
	CONSTRAINT pk_token PRIMARY KEY (id), 
	CONSTRAINT uq_token_public_id UNIQUE (public_id), 
	CONSTRAINT fk_token_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT uq_token_secret_hash UNIQUE (secret_hash)
);
CREATE TABLE version (
	node_id INTEGER NOT NULL, 
	asset_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	step_id INTEGER NOT NULL, 
	licence VARCHAR NOT NULL, 
	size INTEGER NOT NULL, 
	words TEXT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	deleted_at DATETIME, 
	CONSTRAINT pk_version PRIMARY KEY (node_id), 
	CONSTRAINT uq_version_asset_id_number UNIQUE (asset_id, number), 
	CONSTRAINT fk_version_node_id_node FOREIGN KEY(node_id) REFERENCES node (id), 
	CONSTRAINT fk_version_asset_id_asset FOREIGN KEY(asset_id) REFERENCES asset (id), 
	CONSTRAINT fk_version_step_id_step FOREIGN KEY(step_id) REFERENCES step (node_id)
);
INSERT INTO "version" VALUES(2,1,1,1,'CC-BY-4.0',26,'','ana',NULL);
INSERT INTO "version" VALUES(4,2,1,3,'CC-BY-4.0',26,'','ana',NULL);
INSERT INTO "version" VALUES(6,3,1,5,'MIT',23,'','ana',NULL);
INSERT INTO "version" VALUES(8,4,1,7,'Apache-2.0',25,'','ana',NULL);
CREATE TABLE version_check (
	node_id INTEGER NOT NULL, 
	checked_at DATETIME NOT NULL, 
	files INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	CONSTRAINT pk_version_check PRIMARY KEY (node_id), 
	CONSTRAINT fk_version_check_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
CREATE TABLE version_tag (
	node_id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	value VARCHAR(512) NOT NULL, 
	CONSTRAINT pk_version_tag PRIMARY KEY (node_id, "key"), 
	CONSTRAINT fk_version_tag_node_id_version FOREIGN KEY(node_id) REFERENCES version (node_id)
);
CREATE TABLE vote (
	id INTEGER NOT NULL, 
	request_id INTEGER NOT NULL, 
	voter VARCHAR NOT NULL, 
	roles JSON NOT NULL, 
	value VARCHAR NOT NULL, 
	comment TEXT NOT NULL, 
	voted_at DATETIME NOT NULL, 
	bound_artifact BLOB NOT NULL, 
	bound_lineage BLOB NOT NULL, 
	bound_policy BLOB NOT NULL, 
	bound_evidence BLOB NOT NULL, 
	CONSTRAINT pk_vote PRIMARY KEY (id), 
	CONSTRAINT fk_vote_request_id_request FOREIGN KEY(request_id) REFERENCES request (id)
);
CREATE INDEX ix_node_digest ON node (digest);
CREATE INDEX ix_edge_from_node_to_node ON edge (from_node, to_node);
CREATE INDEX ix_edge_to_node_from_node ON edge (to_node, from_node);
CREATE INDEX ix_step_state ON step (state);
CREATE INDEX ix_step_wanted ON step (wanted);
CREATE INDEX ix_metric_step_id_name_role ON metric (step_id, name, role);
CREATE INDEX ix_mirror_state ON mirror (state);
CREATE INDEX ix_asset_tag_key ON asset_tag ("key");
CREATE INDEX ix_version_step_id ON version (step_id);
CREATE INDEX ix_version_tag_key ON version_tag ("key");
CREATE INDEX ix_extent_blob ON extent (blob);
CREATE INDEX ix_alias_node_id ON alias (node_id);
CREATE INDEX ix_evidence_node_id ON evidence (node_id);
CREATE INDEX ix_evidence_subject ON evidence (subject);
CREATE INDEX ix_request_node_id ON request (node_id);
CREATE INDEX ix_request_state ON request (state);
CREATE INDEX ix_vote_request_id ON vote (request_id);
CREATE INDEX ix_audit_entry_action_seq ON audit_entry (action, seq);
CREATE INDEX ix_audit_entry_subject_seq ON audit_entry (subject, seq);
CREATE UNIQUE INDEX uq_role_grant_held ON role_grant (person_id, role) WHERE revoked_at IS NULL;
CREATE INDEX ix_token_person_id ON token (person_id);
CREATE TRIGGER audit_entry_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'rows of audit_entry are never changed'); END;
CREATE TRIGGER audit_entry_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'rows of audit_entry are never changed'); END;
CREATE INDEX ix_audit_index_actor_seq ON audit_index (actor, seq);
CREATE INDEX ix_audit_index_at ON audit_index (at);
CREATE TRIGGER audit_index_update BEFORE UPDATE ON audit_index BEGIN SELECT RAISE(ABORT, 'rows of audit_index are never changed'); END;
CREATE TRIGGER audit_index_delete BEFORE DELETE ON audit_index BEGIN SELECT RAISE(ABORT, 'rows of audit_index are never changed'); END;
CREATE INDEX ix_damage_digest ON damage (digest);
CREATE TRIGGER audit_entry_insert BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'rows of audit_entry are only appended') WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_entry); END;
CREATE TRIGGER audit_index_insert BEFORE INSERT ON audit_index BEGIN SELECT RAISE(ABORT, 'rows of audit_index are only appended') WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_index); END;
CREATE INDEX ix_ended_session_until ON ended_session (until);
COMMIT;
