package ledger

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var soak = flag.Bool("soak", false, "run the fault tool at every position instead of some")

// TestFaultTool drives the probe through the fault tool that lies beside the
// checkout: the process is killed, its system calls fail, the power is cut.
// The tool needs Linux on amd64.
func TestFaultTool(t *testing.T) {
	t.Parallel()
	tool, err := filepath.Abs(filepath.Join("..", "..", "shared", "tools", "faults"))
	must(t, err)
	if _, err := os.Stat(tool); err != nil {
		t.Skip("no fault tool beside the checkout")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the fault tool runs on linux/amd64 only")
	}
	if testing.Short() {
		t.Skip("drives another program")
	}
	bin := t.TempDir()
	build := func(dir, name, pkg string) {
		cmd := exec.Command("go", "build", "-o", filepath.Join(bin, name), pkg)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("%s cannot be built here: %v\n%s", name, err, out)
		}
	}
	build(".", "probe", "./internal/faultprobe")
	build(tool, "faults", "./faults")

	const structural = "openat,mmap,mremap,munmap,ftruncate,fallocate,renameat,renameat2,unlinkat,write,pwrite64,fsync,fdatasync"
	records, share := "150", map[string]string{"killat": "41", "power": "29", "strict": "41", "inject": "83", "msync": "1", "sticky": "211", "bitflip": "40", "truncate": "20", "kill9": "5"}
	if *soak {
		records, share = "600", map[string]string{"killat": "1", "power": "1", "strict": "1", "inject": "1", "msync": "1", "sticky": "7", "bitflip": "2000", "truncate": "1000", "kill9": "200"}
	}
	writer := filepath.Join(bin, "probe") + " write -dir {dir} -n " + records
	checker := filepath.Join(bin, "probe") + " check -dir {dir} -acked {acked}"
	for _, c := range []struct {
		name string
		args []string
	}{
		{"kill at calls", []string{"killat", "-sys", structural, "-every", share["killat"]}},
		{"power cut", []string{"power", "-model", "ext4", "-mix", "1", "-every", share["power"]}},
		// Names that only a sync of their directory makes durable: while the
		// journal has all, which is so in a store of this size.
		{"power cut, strict names", []string{"power", "-model", "strict", "-every", share["strict"]}},
		{"calls fail", []string{"inject", "-sys", structural, "-errno", "EIO,ENOSPC", "-limit", "10s", "-every", share["inject"]}},
		{"msync fails", []string{"inject", "-sys", "msync", "-errno", "EIO", "-limit", "10s", "-every", share["msync"]}},
		{"calls fail for good", []string{"inject", "-sys", structural, "-errno", "ENOSPC", "-sticky", "-limit", "10s", "-every", share["sticky"]}},
		{"bit flips", []string{"bitflip", "-cycles", share["bitflip"]}},
		{"cuts", []string{"truncate", "-cycles", share["truncate"]}},
		{"kill under load", []string{"kill9", "-cycles", share["kill9"], "-maxms", "200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := writer
			if c.name == "kill under load" {
				w = strings.Replace(w, "-n "+records, "-n 1000000", 1)
			}
			args := append(c.args, "-work", scratch(t), "-writer", w, "-checker", checker, "-show", "2")
			out, err := exec.Command(filepath.Join(bin, "faults"), args...).CombinedOutput()
			if err != nil || strings.Contains(string(out), "BREACH") {
				t.Errorf("%v\n%s", err, out)
			}
			if testing.Verbose() {
				t.Logf("%s", out)
			}
		})
	}
}
