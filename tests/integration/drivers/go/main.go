// Runs the table of cases (tests/integration/pgmatrix.py) with pgx or with lib/pq. A line of standard input is a step, a
// line of standard output what came of it, both JSON; pgprograms.py says how values are written.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

type param struct {
	Type  string
	Value any // nil, text, or a list of these
}

func (p *param) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&p.Type, &p.Value})
}

type step struct {
	What    string
	SQL     string
	Other   string
	Params  []param
	Sets    [][]param
	Size    int
	Want    int
	Seconds float64
	Login   login
}

type login struct {
	Host     string
	Port     int
	User     string
	Password string
	Database string
	CA       string
}

type outcome []any

type answer struct{ all []outcome }

func (a *answer) say(fields ...any) { a.all = append(a.all, fields) }

var errMissing = errors.New("has no such thing")

type driver interface {
	open(l login) error
	close()
	step(s *step, a *answer) error
	code(err error) string // the server's SQLSTATE, or ""
}

func answerTo(d driver, s *step, a *answer) error {
	switch s.What {
	case "case":
		d.close()
		return d.open(s.Login)
	case "login":
		return d.open(s.Login)
	}
	return d.step(s, a)
}

func main() {
	var d driver = &pgxDriver{}
	if os.Args[1] == "pq" {
		d = &pqDriver{}
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		var s step
		a := answer{all: []outcome{}}
		if err := json.Unmarshal(line, &s); err != nil {
			panic(err)
		}
		if err := answerTo(d, &s, &a); err != nil {
			code := d.code(err)
			if code == "" {
				code = "driver: " + err.Error()
			}
			a.say("error", code)
		}
		if err := out.Encode(a.all); err != nil {
			panic(err)
		}
	}
	d.close()
}

// canonTime writes a time as the type of its column wants it.
func canonTime(kind string, t time.Time) string {
	switch kind {
	case "date":
		return t.Format("2006-01-02")
	case "time":
		return t.Format("15:04:05.000000")
	case "timestamptz":
		return t.UTC().Format("2006-01-02 15:04:05.000000") + "Z"
	}
	return t.Format("2006-01-02 15:04:05.000000")
}

func canonFloat(v float64) string {
	if math.IsNaN(v) {
		return "7ff8000000000000"
	}
	return fmt.Sprintf("%016x", math.Float64bits(v))
}

func canonBool(v bool) string {
	if v {
		return "t"
	}
	return "f"
}

var layouts = map[string]string{"date": "2006-01-02", "time": "15:04:05.999999", "timestamp": "2006-01-02 15:04:05.999999",
	"timestamptz": "2006-01-02 15:04:05.999999Z07:00"}

func parseTime(kind, v string) (time.Time, error) { return time.Parse(layouts[kind], v) }

func parseFloat(v string) float64 {
	var f float64
	if _, err := fmt.Sscan(v, &f); err != nil {
		panic(err)
	}
	return f
}

// list is the elements of an array; nil is NULL.
func list(v any) []*string {
	all := []*string{}
	for _, x := range v.([]any) {
		if x == nil {
			all = append(all, nil)
		} else {
			s := x.(string)
			all = append(all, &s)
		}
	}
	return all
}

func elements(all []any, canon func(any) string) string {
	parts := []string{}
	for _, x := range all {
		if x == nil {
			parts = append(parts, "NULL")
		} else {
			parts = append(parts, canon(x))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}
