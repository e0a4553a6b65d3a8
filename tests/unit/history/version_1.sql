BEGIN TRANSACTION;
CREATE TABLE body (
        test INTEGER NOT NULL REFERENCES test,
        python TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (test, python)
    ) WITHOUT ROWID
    ;
INSERT INTO "body" VALUES(2,'cpython-311','cpython-311-b2');
INSERT INTO "body" VALUES(1,'cpython-311','cpython-311-b3');
CREATE TABLE cost (
        run INTEGER NOT NULL REFERENCES run,
        fixture INTEGER NOT NULL REFERENCES fixture,
        seconds REAL NOT NULL,
        PRIMARY KEY (run, fixture)
    ) WITHOUT ROWID
    ;
INSERT INTO "cost" VALUES(1,1,2.0);
INSERT INTO "cost" VALUES(2,1,2.5);
INSERT INTO "cost" VALUES(2,2,0.75);
CREATE TABLE day (
        test INTEGER NOT NULL REFERENCES test,
        day INTEGER NOT NULL,           -- since the epoch, in UTC
        runs INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (test, day)
    ) WITHOUT ROWID
    ;
INSERT INTO "day" VALUES(1,19675,1,0,0.5);
INSERT INTO "day" VALUES(2,19675,1,0,0.5);
INSERT INTO "day" VALUES(2,19676,1,0,0.25);
INSERT INTO "day" VALUES(3,19676,1,0,0.5);
CREATE TABLE environment (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
INSERT INTO "environment" VALUES(1,'cpython-3.11.7 linux');
CREATE TABLE fixture (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        scope TEXT NOT NULL,
        seen REAL NOT NULL DEFAULT 0,
        recent BLOB NOT NULL DEFAULT x'',
        UNIQUE (name, scope)
    );
INSERT INTO "fixture" VALUES(1,'db','',1700007200.0,X'000000C4FF54D941000000400001000000000000480355D941000020400001000000');
INSERT INTO "fixture" VALUES(2,'page','tests/test_b.py',1700007200.0,X'000000480355D9410000403F0001000000');
CREATE TABLE result (
        run INTEGER NOT NULL REFERENCES run,
        test INTEGER NOT NULL REFERENCES test,
        attempt INTEGER NOT NULL,       -- from 0
        outcome INTEGER NOT NULL,       -- 0: passed
        started REAL,
        setup REAL,
        call REAL,
        teardown REAL,
        worker INTEGER REFERENCES word,
        signature INTEGER REFERENCES word,
        seconds REAL,                   -- of all attempts, with the last
        cpu REAL,
        memory INTEGER,
        PRIMARY KEY (run, test, attempt)
    ) WITHOUT ROWID
    ;
INSERT INTO "result" VALUES(1,1,0,1,1700000000.0,0.0,0.5,0.0,2,1,NULL,NULL,NULL);
INSERT INTO "result" VALUES(1,1,1,0,1700000000.0,0.0,0.5,0.0,3,NULL,NULL,NULL,NULL);
INSERT INTO "result" VALUES(1,2,0,0,1700000000.0,0.0,0.5,0.0,2,NULL,NULL,NULL,NULL);
INSERT INTO "result" VALUES(2,2,0,0,1700000000.0,0.0,0.25,0.0,2,NULL,NULL,NULL,NULL);
INSERT INTO "result" VALUES(2,3,0,3,1700000000.0,0.0,0.5,0.0,2,NULL,NULL,NULL,NULL);
CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        uuid TEXT NOT NULL UNIQUE,
        started REAL NOT NULL,          -- seconds since the epoch
        seconds REAL NOT NULL,
        revision TEXT,                  -- the commit
        is_clean INTEGER NOT NULL,
        environment INTEGER NOT NULL REFERENCES environment,
        workers INTEGER NOT NULL,
        hosts TEXT NOT NULL,            -- a JSON array of names
        stopped TEXT,
        tests INTEGER NOT NULL,
        failed INTEGER NOT NULL,        -- in the first attempt
        flaky INTEGER NOT NULL          -- passed after a failure, or failed where that code had passed
    );
INSERT INTO "run" VALUES(1,'run-1',1700003600.0,1.0,'c0ffee',1,1,2,'["one", "two"]',NULL,2,1,0);
INSERT INTO "run" VALUES(2,'run-2',1700007200.0,1.0,'c0ffee',1,1,2,'["one", "two"]',NULL,2,0,0);
CREATE TABLE test (
        id INTEGER PRIMARY KEY,
        nodeid TEXT NOT NULL UNIQUE,
        line INTEGER NOT NULL DEFAULT 0,
        seen REAL NOT NULL DEFAULT 0,   -- the start of the last run in which it ran
        runs INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        kept INTEGER NOT NULL DEFAULT 0, -- runs of which there are results
        recent BLOB NOT NULL DEFAULT x'',
        claims INTEGER REFERENCES word, -- a JSON array of names of resources
        flaking REAL,                   -- how often it fails by chance, if it was judged flaky
        judged REAL NOT NULL DEFAULT 0  -- the start of the run after which it was judged
    );
INSERT INTO "test" VALUES(1,'tests/test_a.py::test_two[x]',9,1700003600.0,1,0,1,X'000000C4FF54D9410000003F0001000000',NULL,NULL,0.0);
INSERT INTO "test" VALUES(2,'tests/test_a.py::test_one',3,1700007200.0,2,0,2,X'000000C4FF54D9410000003F0001000000000000480355D9410000803E0001000000',NULL,NULL,0.0);
INSERT INTO "test" VALUES(3,'tests/test_b.py::TestB::test_three',0,1700007200.0,1,0,1,X'000000480355D9410000003F0301000000',NULL,NULL,0.0);
CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT INTO "word" VALUES(1,'ValueError | N');
INSERT INTO "word" VALUES(2,'gw0');
INSERT INTO "word" VALUES(3,'gw1');
CREATE INDEX body_digest ON body (digest);
CREATE INDEX test_flaking ON test (judged) WHERE flaking IS NOT NULL;
CREATE INDEX result_not_passed ON result (test, run) WHERE outcome <> 0;
COMMIT;
PRAGMA application_id = 1330791240;
PRAGMA user_version = 1;
