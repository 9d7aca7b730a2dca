package keyfile

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/raasledger/raasledger/attribution/record"
)

// seeded is a key that is the same in every run.
func seeded(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func write(t *testing.T, text []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func files(t *testing.T, key ed25519.PrivateKey, passphrase string) (private, pub string) {
	t.Helper()
	a, b, err := Format(key, public(key), "a comment", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return write(t, a, 0o600), write(t, b, 0o644)
}

func answer(passphrase string) func(string) ([]byte, error) {
	return func(string) ([]byte, error) { return []byte(passphrase), nil }
}

func checkSigns(t *testing.T, k *Key, want ed25519.PublicKey) {
	t.Helper()
	if !k.PublicKey().Equal(want) {
		t.Fatalf("public key is %x, want %x", k.PublicKey(), want)
	}
	message := []byte("message")
	sig, err := k.Sign(nil, message, crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(want, message, sig) {
		t.Fatal("signature does not verify")
	}
}

func TestLoad(t *testing.T) {
	key := seeded("load")
	private, pub := files(t, key, "")
	k, err := Load(private, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkSigns(t, k, public(key))
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{private, pub} {
		got, comment, err := LoadPublic(path)
		if err != nil || !got.Equal(public(key)) {
			t.Errorf("%s: got %x, %v", path, got, err)
		}
		if path == pub && comment != "a comment" {
			t.Errorf("comment is %q", comment)
		}
	}
}

func TestPassphrase(t *testing.T) {
	key := seeded("passphrase")
	private, _ := files(t, key, "correct horse")
	k, err := Load(private, Options{Passphrase: answer("correct horse")})
	if err != nil {
		t.Fatal(err)
	}
	checkSigns(t, k, public(key))
	if got, _, err := LoadPublic(private); err != nil || !got.Equal(public(key)) {
		t.Errorf("public half without the passphrase: %x, %v", got, err)
	}
	wantError(t, "passphrase is wrong", loadError(private, Options{Passphrase: answer("wrong")}))
	wantError(t, "has a passphrase, and nobody can be asked for it", loadError(private, Options{}))
	asked := errors.New("no terminal")
	err = loadError(private, Options{Passphrase: func(string) ([]byte, error) { return nil, asked }})
	if !errors.Is(err, asked) {
		t.Errorf("got %v, want it to wrap %v", err, asked)
	}
}

func loadError(path string, o Options) error {
	_, err := Load(path, o)
	return err
}

func wantError(t *testing.T, want string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

func TestGenerate(t *testing.T) {
	a, pubA, err := Generate("", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, pubB, err := Generate("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(pubA) == string(pubB) || string(a) == string(b) {
		t.Error("two generated keys are the same")
	}
	k, err := Load(write(t, a, 0o600), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := record.FormatPublicKey(k.PublicKey()) + "\n"; string(pubA) != want {
		t.Errorf("public file is %q, want %q", pubA, want)
	}
	for _, comment := range []string{"two\nlines", "\xff", " padded ", strings.Repeat("x", maxCommentBytes+1)} {
		if _, _, err := Generate(comment, nil); err == nil {
			t.Errorf("comment %q is taken", comment)
		}
	}
}

func TestMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	text, _, err := Format(seeded("mode"), public(seeded("mode")), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644, 0o660} {
		path := write(t, text, 0o600)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		err := loadError(path, Options{})
		if !errors.Is(err, ErrMode) {
			t.Errorf("mode %04o: got %v, want ErrMode", mode, err)
		}
	}
	path := write(t, text, 0o400)
	if _, err := Load(path, Options{}); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

// otherKey is an OpenSSH private key of a type we do not take.
func otherKey(t *testing.T) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func TestRefused(t *testing.T) {
	good, _, err := Format(seeded("refused"), public(seeded("refused")), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(seeded("refused"))
	if err != nil {
		t.Fatal(err)
	}
	// The private half of one key with the public half of another.
	mixed := ed25519.PrivateKey(append(seeded("one").Seed(), public(seeded("two"))...))
	swapped, _, err := Format(mixed, public(seeded("two")), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	small := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + strings.Repeat("A", 43)
	for _, v := range []struct {
		name string
		text []byte
		want string
	}{
		{"empty", nil, "is neither an OpenSSH private key nor a public key"},
		{"text", []byte("hello world\n"), "is neither an OpenSSH private key nor a public key"},
		{"ecdsa", otherKey(t), "key is ecdsa-sha2-nistp256, want ed25519"},
		{"rsa public", []byte("ssh-rsa AAAAB3NzaC1yc2E= me\n"), "key is ssh-rsa, want ssh-ed25519"},
		{"pkcs8", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), `is a "PRIVATE KEY", want "OPENSSH PRIVATE KEY"`},
		{"two keys", append(append([]byte(nil), good...), good...), "has more behind the private key"},
		{"swapped halves", swapped, "public half does not belong to the private half"},
		{"cut", good[:len(good)/2], "is neither an OpenSSH private key nor a public key"},
		{"large", make([]byte, maxFileBytes+1), "has more than 16384 bytes"},
		{"two public keys", []byte(record.FormatPublicKey(public(seeded("a"))) + "\n" + record.FormatPublicKey(public(seeded("b"))) + "\n"), "has more than one line"},
		{"small order", []byte(small + "\n"), "small order"},
		{"public cut", []byte(record.FormatPublicKey(public(seeded("a")))[:60] + "\n"), "public key"},
	} {
		t.Run(v.name, func(t *testing.T) {
			path := write(t, v.text, 0o600)
			_, err := Load(path, Options{Agent: "none"})
			wantError(t, v.want, err)
			if err != nil && strings.Count(err.Error(), path) != 1 {
				t.Errorf("error %q names the file %d times, want once", err, strings.Count(err.Error(), path))
			}
			if _, _, err := LoadPublic(path); err == nil && v.name != "swapped halves" {
				t.Error("LoadPublic takes it")
			}
		})
	}
	if err := loadError(t.TempDir(), Options{}); err == nil {
		t.Error("a directory is taken")
	}
	if err := loadError(filepath.Join(t.TempDir(), "absent"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

// serve runs an ssh-agent that holds the keys.
func serve(t *testing.T, keys ...ed25519.PrivateKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Skipf("no unix sockets: %v", err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn)
		}
	}()
	return listener.Addr().String()
}

func TestAgent(t *testing.T) {
	key, other := seeded("agent"), seeded("other")
	socket := serve(t, other, key)
	_, pub := files(t, key, "")
	k, err := Load(pub, Options{Agent: socket})
	if err != nil {
		t.Fatal(err)
	}
	checkSigns(t, k, public(key))
	if _, err := k.Sign(nil, make([]byte, 64), crypto.SHA512); err == nil {
		t.Error("signs a digest")
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := loadError(pub, Options{}); !errors.Is(err, ErrNoAgent) {
		t.Errorf("no agent: %v", err)
	}
	_, absent := files(t, seeded("absent"), "")
	if err := loadError(absent, Options{Agent: socket}); !errors.Is(err, ErrNotHeld) {
		t.Errorf("not held: %v", err)
	}
	wantError(t, "ssh-agent", loadError(pub, Options{Agent: filepath.Join(t.TempDir(), "none")}))
}

// A liar is an agent whose signatures are by another key.
type liar struct {
	agent.ExtendedAgent
	key ssh.Signer
}

func (l liar) Sign(_ ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return l.key.Sign(rand.Reader, data)
}

func TestAgentFalseSignature(t *testing.T) {
	key := seeded("agent")
	ring := agent.NewKeyring().(agent.ExtendedAgent)
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	wrong, err := ssh.NewSignerFromKey(seeded("other"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := held(liar{ring, wrong}, public(key))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Sign(nil, []byte("message"), crypto.Hash(0))
	wantError(t, "does not verify", err)
}

// TestOpenSSH: ssh-keygen reads what we write, and we read what it writes.
func TestOpenSSH(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	key := seeded("openssh")
	private, _ := files(t, key, "secret")
	out, err := exec.Command(keygen, "-y", "-P", "secret", "-f", private).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := record.FormatPublicKey(public(key)); !strings.HasPrefix(string(out), want) {
		t.Errorf("ssh-keygen -y: %q, want %q", out, want)
	}
	path := filepath.Join(t.TempDir(), "made")
	cmd := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "another", "-C", "made by ssh-keygen", "-f", path)
	cmd.Stderr = io.Discard
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	k, err := Load(path, Options{Passphrase: answer("another")})
	if err != nil {
		t.Fatal(err)
	}
	pub, comment, err := LoadPublic(path + ".pub")
	if err != nil || comment != "made by ssh-keygen" {
		t.Errorf("comment %q, %v", comment, err)
	}
	checkSigns(t, k, pub)
}
