package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

// The standard library's database/sql: a pool with one connection, unless the case is about pools.
type pqDriver struct {
	db      *sql.DB
	conn    *sql.Conn
	login   login
	tx      *sql.Tx
	points  int
	notices []string
}

func pqText(l login) string {
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s connect_timeout=20 sslmode=verify-full sslrootcert=%s",
		l.Host, l.Port, l.User, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(l.Password), l.Database, l.CA)
}

func (d *pqDriver) open(l login) error {
	base, err := pq.NewConnector(pqText(l))
	if err != nil {
		return err
	}
	db := sql.OpenDB(pq.ConnectorWithNoticeHandler(base, func(n *pq.Error) { d.notices = append(d.notices, n.Message) }))
	conn, err := db.Conn(context.Background())
	if err != nil {
		db.Close()
		return err
	}
	d.close()
	d.db, d.conn, d.login = db, conn, l
	return nil
}

func (d *pqDriver) close() {
	if d.tx != nil {
		d.tx.Rollback() // its connection waits for it
	}
	if d.db != nil {
		d.conn.Close()
		d.db.Close()
	}
	*d = pqDriver{}
}

func (d *pqDriver) code(err error) string {
	var e *pq.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	return ""
}

type pqRunner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (d *pqDriver) on() pqRunner {
	if d.tx != nil {
		return d.tx
	}
	return d.conn
}

func (d *pqDriver) exec(ctx context.Context, text string) error {
	_, err := d.on().ExecContext(ctx, text)
	return err
}

func (d *pqDriver) step(s *step, a *answer) error {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	switch s.What {
	case "do":
		return d.exec(ctx, s.SQL)
	case "run", "keys":
		return d.run(ctx, s.SQL, s.Params, a)
	case "repeat":
		return d.repeat(ctx, s, a)
	case "batch":
		return d.batch(ctx, s, a)
	case "begin":
		tx, err := d.conn.BeginTx(context.Background(), nil)
		d.tx = tx
		return err
	case "commit", "rollback":
		tx := d.tx
		d.tx, d.points = nil, 0
		if s.What == "commit" {
			return tx.Commit()
		}
		return tx.Rollback()
	case "savepoint":
		d.points++
		return d.exec(ctx, fmt.Sprintf("savepoint p%d", d.points))
	case "rollback_to":
		return d.exec(ctx, fmt.Sprintf("rollback to p%d", d.points))
	case "release":
		d.points--
		return d.exec(ctx, fmt.Sprintf("release p%d", d.points+1))
	case "fetch":
		return d.fetch(ctx, s, a)
	case "stream":
		return d.stream(ctx, s, a)
	case "cancel":
		return d.cancel(ctx, s)
	case "multi":
		return d.multi(ctx, s, a)
	case "columns":
		return d.columns(ctx, s, a)
	case "notices":
		d.notices = nil
		err := d.exec(ctx, s.SQL)
		for _, n := range d.notices {
			a.say("text", n)
		}
		return err
	case "listen":
		return d.listen(ctx, s, a)
	case "pool":
		return d.pool(ctx, s, a)
	case "copy_in":
		return d.copyIn(ctx, s, a)
	}
	return errMissing
}

// database/sql tells apart what gives rows and what does not before it is sent.
func givesRows(text string) bool {
	text = strings.ToLower(text)
	return strings.HasPrefix(text, "select") || strings.HasPrefix(text, "fetch") || strings.Contains(text, " returning ")
}

func (d *pqDriver) run(ctx context.Context, text string, params []param, a *answer) error {
	if !givesRows(text) {
		result, err := d.on().ExecContext(ctx, text, pqValues(params)...)
		return counted(result, err, a)
	}
	rows, err := d.on().QueryContext(ctx, text, pqValues(params)...)
	if err != nil {
		return err
	}
	return d.rows(rows, a)
}

func counted(result sql.Result, err error, a *answer) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	a.say("count", n)
	return err
}

func (d *pqDriver) repeat(ctx context.Context, s *step, a *answer) error {
	statement, err := d.on().PrepareContext(ctx, s.SQL)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, set := range s.Sets {
		if !givesRows(s.SQL) {
			result, err := statement.ExecContext(ctx, pqValues(set)...)
			if err := counted(result, err, a); err != nil {
				return err
			}
			continue
		}
		rows, err := statement.QueryContext(ctx, pqValues(set)...)
		if err != nil {
			return err
		}
		if err := d.rows(rows, a); err != nil {
			return err
		}
	}
	return nil
}

func (d *pqDriver) batch(ctx context.Context, s *step, a *answer) error {
	some := answer{}
	if err := d.repeat(ctx, s, &some); err != nil {
		return err
	}
	total := int64(0)
	for _, o := range some.all {
		total += o[1].(int64)
	}
	a.say("count", total)
	return nil
}

func (d *pqDriver) rows(rows *sql.Rows, a *answer) error {
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	values, places := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		row := []any{"row"}
		for i, v := range values {
			row = append(row, canonPq(strings.ToLower(types[i].DatabaseTypeName()), v))
		}
		a.say(row...)
	}
	if rows.Err() == nil {
		a.say("rows")
	}
	return rows.Err()
}

func (d *pqDriver) fetch(ctx context.Context, s *step, a *answer) error {
	if err := d.exec(ctx, "declare fetching cursor for "+s.SQL); err != nil {
		return err
	}
	for {
		rows, err := d.on().QueryContext(ctx, fmt.Sprintf("fetch %d from fetching", s.Size))
		if err != nil {
			return err
		}
		some := answer{}
		if err := d.rows(rows, &some); err != nil {
			return err
		}
		a.all = append(a.all, some.all[:len(some.all)-1]...)
		if len(some.all) == 1 {
			break
		}
	}
	a.say("rows")
	return d.exec(ctx, "close fetching")
}

func (d *pqDriver) stream(ctx context.Context, s *step, a *answer) error {
	rows, err := d.on().QueryContext(ctx, s.SQL)
	if err != nil {
		return err
	}
	defer rows.Close()
	n, sum := 0, int64(0)
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return err
		}
		n++
		sum += v
	}
	if rows.Err() == nil {
		a.say("text", fmt.Sprintf("%d rows, sum %d", n, sum))
	}
	return rows.Err()
}

// A connection whose statement was cancelled is given up by the driver; the pool has another.
func (d *pqDriver) cancel(ctx context.Context, s *step) error {
	short, stop := context.WithTimeout(ctx, time.Duration(s.Seconds*float64(time.Second)))
	defer stop()
	rows, err := d.on().QueryContext(short, s.SQL)
	if err == nil {
		err = d.rows(rows, &answer{})
	}
	d.conn.Close()
	conn, failed := d.db.Conn(ctx)
	if failed != nil {
		return failed
	}
	d.conn = conn
	return err
}

func (d *pqDriver) multi(ctx context.Context, s *step, a *answer) error {
	rows, err := d.on().QueryContext(ctx, s.SQL)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		for rows.Next() {
			var v any
			if err := rows.Scan(&v); err != nil {
				return err
			}
			a.say("row", fmt.Sprint(v))
		}
		if len(columns) > 0 {
			a.say("rows")
		}
		if !rows.NextResultSet() {
			return rows.Err()
		}
	}
}

func (d *pqDriver) columns(ctx context.Context, s *step, a *answer) error {
	rows, err := d.on().QueryContext(ctx, s.SQL)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	for _, t := range types {
		a.say("row", t.Name(), strings.ToLower(t.DatabaseTypeName()))
	}
	a.say("rows")
	return err
}

func (d *pqDriver) listen(ctx context.Context, s *step, a *answer) error {
	heard := make(chan *pq.Notification, 1)
	listener, err := pq.NewListenerConn(pqText(d.login), heard)
	if err != nil {
		return err
	}
	defer listener.Close()
	if _, err := listener.Listen(s.SQL); err != nil {
		return err
	}
	if _, err := d.conn.ExecContext(ctx, "select pg_notify($1, $2)", s.SQL, s.Other); err != nil {
		return err
	}
	select {
	case n := <-heard:
		a.say("text", n.Extra)
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err = listener.Unlisten(s.SQL)
	return err
}

func (d *pqDriver) pool(ctx context.Context, s *step, a *answer) error {
	db, err := sql.Open("postgres", pqText(d.login))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(s.Size)
	var all sync.WaitGroup
	answers := make([]error, s.Want)
	for i := range answers {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			var v int
			answers[i] = db.QueryRowContext(ctx, s.SQL, i).Scan(&v)
			if answers[i] == nil && v != i+1 {
				answers[i] = fmt.Errorf("%d, not %d", v, i+1)
			}
		}(i)
	}
	all.Wait()
	for _, err := range answers {
		if err != nil {
			return err
		}
	}
	a.say("text", fmt.Sprintf("%d right", len(answers)))
	return nil
}

// Its own way into COPY is a statement that is given rows, inside a transaction.
func (d *pqDriver) copyIn(ctx context.Context, s *step, a *answer) error {
	tx, err := d.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	statement, err := tx.Prepare("copy " + s.SQL + " from stdin")
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(s.Other, "\n"), "\n")
	for _, line := range lines {
		row := []any{}
		for _, v := range strings.Split(line, "\t") {
			if v == `\N` {
				row = append(row, nil)
			} else {
				row = append(row, v)
			}
		}
		if _, err := statement.Exec(row...); err != nil {
			return err
		}
	}
	result, err := statement.Exec()
	if err := counted(result, err, a); err != nil {
		return err
	}
	if err := statement.Close(); err != nil {
		return err
	}
	return tx.Commit()
}

// ---- values ----------------------------------------------------------------------------------------------------------

func pqValues(params []param) []any {
	all := []any{}
	for _, p := range params {
		all = append(all, pqValue(p))
	}
	return all
}

func pqValue(p param) any {
	if p.Value == nil {
		return nil
	}
	if strings.HasSuffix(p.Type, "[]") {
		return pq.Array(list(p.Value))
	}
	text := p.Value.(string)
	switch p.Type {
	case "bool":
		return text == "t"
	case "int2", "int4", "int8":
		return must(strconv.ParseInt(text, 10, 64))
	case "float4", "float8":
		return parseFloat(text)
	case "bytea":
		return must(hex.DecodeString(text))
	case "date", "timestamp", "timestamptz":
		return must(parseTime(p.Type, text))
	case "interval":
		return text + " microseconds"
	}
	return text
}

// canonPq gives a value as it is read by all, or with its type as PostgreSQL writes it.
func canonPq(kind string, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		return canonBool(v)
	case int64:
		return fmt.Sprint(v)
	case float64:
		return canonFloat(v)
	case time.Time:
		return canonTime(kind, v)
	case string:
		return v
	case []byte:
		if kind == "bytea" {
			return hex.EncodeToString(v)
		}
		return []string{kind, string(v)}
	}
	return fmt.Sprintf("%T", v)
}
