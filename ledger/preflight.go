package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// badgerOptions are Badger's, with the reason for each that differs from its
// default in docs/store.md.
func badgerOptions(dir string, o Options, log badger.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(false). // the journal is what makes a group durable
		WithMemTableSize(o.MemTableBytes).
		WithNumMemtables(memTables).
		WithBaseTableSize(min(o.MemTableBytes, 2<<20)).
		WithBaseLevelSize(max(o.MemTableBytes, 10<<20)).
		WithValueThreshold(min(valueThreshold, o.MemTableBytes/16)).
		WithValueLogFileSize(o.ValueLogBytes).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnTableRead).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithNumVersionsToKeep(1).
		WithNumCompactors(2).
		WithDetectConflicts(false).
		WithCompactL0OnClose(false).
		WithMetricsEnabled(false).
		WithLogger(log)
}

const memTables = 2

// A finding is what preflight saw that is no refusal but asks for a full
// check once Badger is open.
type finding struct{ suspicious []string }

// preflight looks at Badger's files before Badger does, which deletes what it
// does not understand, ends the process, or goes on without. It removes empty
// files that a killed Badger leaves and that it would refuse, and moves tables
// that the manifest does not list aside; it changes nothing else. Reading a
// manifest and a table is Badger's own code, run here under recover.
func preflight(fsys files, dir, aside string, o badger.Options) (finding, error) {
	var found finding
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	tables := map[uint64]string{}
	others, manifest := 0, false
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".mem", ".vlog":
			empty, err := removeEmpty(fsys, filepath.Join(dir, name))
			if err != nil {
				return found, err
			}
			if !empty {
				others++
			}
		case ".sst":
			id, ok := table.ParseFileID(name)
			if !ok {
				return found, damaged("%s is no name of a table", filepath.Join(dir, name))
			}
			tables[id] = name
		}
		manifest = manifest || name == badger.ManifestFilename
	}
	if !manifest {
		if len(tables)+others > 0 {
			return found, damaged("%s is missing", filepath.Join(dir, badger.ManifestFilename))
		}
		return found, nil
	}
	listed, cut, err := readManifest(filepath.Join(dir, badger.ManifestFilename), o)
	if err != nil {
		return found, damaged("%s: %v", filepath.Join(dir, badger.ManifestFilename), err)
	}
	if cut {
		found.suspicious = append(found.suspicious, "the manifest ends within an entry")
	}
	for id := range listed {
		name, ok := tables[id]
		if !ok {
			return found, damaged("table %s is missing", table.IDToFilename(id))
		}
		if err := openTable(filepath.Join(dir, name), o); err != nil {
			return found, damaged("table %s: %v", name, err)
		}
		delete(tables, id)
	}
	// Usually what a flush or compaction had not finished; or the manifest
	// lost an entry, and Badger would now delete the table.
	for _, name := range tables {
		if err := fsys.MakeDir(aside); err != nil {
			return found, err
		}
		if err := fsys.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
			return found, err
		}
		found.suspicious = append(found.suspicious, fmt.Sprintf("table %s is not in the manifest", name))
	}
	return found, nil
}

func removeEmpty(fsys files, path string) (bool, error) {
	size, err := fileSize(fsys, path)
	if err != nil || size > 0 {
		return false, err
	}
	return true, fsys.Remove(path)
}

func readManifest(path string, o badger.Options) (listed map[uint64]badger.TableManifest, cut bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	defer recovered(&err)
	m, end, err := badger.ReplayManifestFile(f, 0, o)
	if err != nil {
		return nil, false, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	return m.Tables, end < size, err
}

func openTable(path string, o badger.Options) (err error) {
	defer recovered(&err)
	f, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	t, err := table.OpenTable(f, table.Options{
		ReadOnly:    true,
		BlockSize:   o.BlockSize,
		ChkMode:     options.OnTableRead,
		Compression: options.None,
	})
	if err != nil {
		// OpenTable has closed the file on most of its errors, not all.
		return errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return t.Close(-1)
}

// recovered turns a panic of Badger's on bad bytes into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%v", r)
	}
}
