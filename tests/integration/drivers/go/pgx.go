package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const patience = 15 * time.Second

type pgxDriver struct {
	conn    *pgx.Conn
	login   login
	tx      []pgx.Tx
	notices []string
}

// pgxText is what an application writes, as libpq has it.
func pgxText(l login) string {
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s connect_timeout=20 sslmode=verify-full sslrootcert=%s",
		l.Host, l.Port, l.User, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(l.Password), l.Database, l.CA)
}

func (d *pgxDriver) open(l login) error {
	config, err := pgx.ParseConfig(pgxText(l))
	if err != nil {
		return err
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { d.notices = append(d.notices, n.Message) }
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		return err
	}
	d.close()
	d.conn, d.login = conn, l
	return nil
}

func (d *pgxDriver) close() {
	if d.conn != nil {
		d.conn.Close(context.Background())
	}
	d.conn, d.tx, d.notices = nil, nil, nil
}

func (d *pgxDriver) code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// What statements are run on: the innermost transaction, or the connection.
type pgxRunner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func (d *pgxDriver) on() pgxRunner {
	if len(d.tx) > 0 {
		return d.tx[len(d.tx)-1]
	}
	return d.conn
}

func (d *pgxDriver) step(s *step, a *answer) error {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	switch s.What {
	case "do":
		_, err := d.conn.Exec(ctx, s.SQL)
		return err
	case "run", "keys":
		return d.run(ctx, s.SQL, s.Params, a)
	case "repeat":
		for _, set := range s.Sets {
			if err := d.run(ctx, s.SQL, set, a); err != nil {
				return err
			}
		}
		return nil
	case "batch":
		return d.batch(ctx, s, a)
	case "begin", "savepoint":
		tx, err := d.on().Begin(ctx)
		if err == nil {
			d.tx = append(d.tx, tx)
		}
		return err
	case "commit", "release", "rollback":
		return d.end(ctx, s.What == "rollback")
	case "rollback_to":
		if err := d.end(ctx, true); err != nil {
			return err
		}
		s.What = "savepoint"
		return d.step(s, a)
	case "fetch", "stream":
		return d.stream(ctx, s, a)
	case "cancel":
		short, stop := context.WithTimeout(ctx, time.Duration(s.Seconds*float64(time.Second)))
		defer stop()
		return d.cancel(short, s)
	case "multi":
		return d.multi(ctx, s, a)
	case "columns":
		return d.columns(ctx, s, a)
	case "notices":
		d.notices = nil
		_, err := d.conn.Exec(ctx, s.SQL)
		for _, n := range d.notices {
			a.say("text", n)
		}
		return err
	case "listen":
		return d.listen(ctx, s, a)
	case "pool":
		return d.pool(ctx, s, a)
	case "copy_in":
		tag, err := d.conn.PgConn().CopyFrom(ctx, strings.NewReader(s.Other), "copy "+s.SQL+" from stdin")
		if err == nil {
			a.say("count", tag.RowsAffected())
		}
		return err
	case "copy_out":
		var data bytes.Buffer
		_, err := d.conn.PgConn().CopyTo(ctx, &data, "copy ("+s.SQL+") to stdout")
		if err == nil {
			a.say("text", data.String())
		}
		return err
	}
	return errMissing
}

func (d *pgxDriver) end(ctx context.Context, back bool) error {
	tx := d.tx[len(d.tx)-1]
	d.tx = d.tx[:len(d.tx)-1]
	if back {
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

func (d *pgxDriver) run(ctx context.Context, sql string, params []param, a *answer) error {
	rows, err := d.on().Query(ctx, sql, d.values(params)...)
	if err != nil {
		return err
	}
	return d.rows(rows, a)
}

func (d *pgxDriver) rows(rows pgx.Rows, a *answer) error {
	defer rows.Close()
	for rows.Next() {
		row, err := d.row(rows)
		if err != nil {
			return err
		}
		a.say(row...)
	}
	if rows.Err() != nil {
		return rows.Err()
	}
	if len(rows.FieldDescriptions()) > 0 {
		a.say("rows")
	} else {
		a.say("count", rows.CommandTag().RowsAffected())
	}
	return nil
}

func (d *pgxDriver) row(rows pgx.Rows) ([]any, error) {
	values, err := rows.Values()
	if err != nil {
		return nil, err
	}
	row := []any{"row"}
	for i, v := range values {
		kind := ""
		if t, ok := d.conn.TypeMap().TypeForOID(rows.FieldDescriptions()[i].DataTypeOID); ok {
			kind = t.Name
		}
		row = append(row, canonPgx(kind, v))
	}
	return row, nil
}

func (d *pgxDriver) batch(ctx context.Context, s *step, a *answer) error {
	batch := &pgx.Batch{}
	for _, set := range s.Sets {
		batch.Queue(s.SQL, d.values(set)...)
	}
	results := d.on().SendBatch(ctx, batch)
	total := int64(0)
	for range s.Sets {
		tag, err := results.Exec()
		if err != nil {
			results.Close()
			return err
		}
		total += tag.RowsAffected()
	}
	a.say("count", total)
	return results.Close()
}

// Rows are read as they come; with a size, as SQL's cursor gives them.
func (d *pgxDriver) stream(ctx context.Context, s *step, a *answer) error {
	if s.What == "stream" {
		rows, err := d.on().Query(ctx, s.SQL)
		if err != nil {
			return err
		}
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
	if _, err := d.on().Exec(ctx, "declare fetching cursor for "+s.SQL); err != nil {
		return err
	}
	for {
		rows, err := d.on().Query(ctx, fmt.Sprintf("fetch %d from fetching", s.Size))
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
	_, err := d.on().Exec(ctx, "close fetching")
	return err
}

// A context that runs out closes the connection in pgx; the server is asked to stop the statement, as its manual says.
func (d *pgxDriver) cancel(ctx context.Context, s *step) error {
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- d.conn.PgConn().CancelRequest(context.Background())
	}()
	rows, err := d.on().Query(context.Background(), s.SQL)
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
	}
	if other := <-stopped; other != nil {
		return other
	}
	return err
}

func (d *pgxDriver) multi(ctx context.Context, s *step, a *answer) error {
	results := d.conn.PgConn().Exec(ctx, s.SQL)
	for results.NextResult() {
		r := results.ResultReader()
		fields := r.FieldDescriptions()
		for r.NextRow() {
			row := []any{"row"}
			for _, v := range r.Values() {
				row = append(row, string(v))
			}
			a.say(row...)
		}
		tag, err := r.Close()
		if err != nil {
			results.Close()
			return err
		}
		if len(fields) > 0 {
			a.say("rows")
		} else {
			a.say("count", tag.RowsAffected())
		}
	}
	return results.Close()
}

func (d *pgxDriver) columns(ctx context.Context, s *step, a *answer) error {
	prepared, err := d.conn.Prepare(ctx, "columns", s.SQL)
	if err != nil {
		return err
	}
	for _, f := range prepared.Fields {
		kind := "?"
		if t, ok := d.conn.TypeMap().TypeForOID(f.DataTypeOID); ok {
			kind = t.Name
		}
		a.say("row", f.Name, kind)
	}
	a.say("rows")
	return d.conn.Deallocate(ctx, "columns")
}

func (d *pgxDriver) listen(ctx context.Context, s *step, a *answer) error {
	if _, err := d.conn.Exec(ctx, "listen "+s.SQL); err != nil {
		return err
	}
	other, err := pgx.Connect(ctx, pgxText(d.login))
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	if _, err := other.Exec(ctx, "select pg_notify($1, $2)", s.SQL, s.Other); err != nil {
		return err
	}
	n, err := d.conn.WaitForNotification(ctx)
	if err != nil {
		return err
	}
	a.say("text", n.Payload)
	_, err = d.conn.Exec(ctx, "unlisten "+s.SQL)
	return err
}

func (d *pgxDriver) pool(ctx context.Context, s *step, a *answer) error {
	pool, err := pgxpool.New(ctx, pgxText(d.login)+fmt.Sprintf(" pool_max_conns=%d", s.Size))
	if err != nil {
		return err
	}
	defer pool.Close()
	var all sync.WaitGroup
	answers := make([]error, s.Want)
	for i := range answers {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			var v int
			answers[i] = pool.QueryRow(ctx, s.SQL, i).Scan(&v)
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

// ---- values ----------------------------------------------------------------------------------------------------------

func (d *pgxDriver) values(params []param) []any {
	all := []any{}
	for _, p := range params {
		all = append(all, pgxValue(p))
	}
	return all
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pgxValue(p param) any {
	if p.Value == nil {
		return nil
	}
	if elem := strings.TrimSuffix(p.Type, "[]"); elem != p.Type {
		return pgxList(elem, p.Value)
	}
	text := p.Value.(string)
	switch p.Type {
	case "bool":
		return text == "t"
	case "int2", "int4", "int8":
		return must(strconv.ParseInt(text, 10, 64))
	case "float4", "float8":
		return parseFloat(text)
	case "numeric":
		var n pgtype.Numeric
		if err := n.Scan(text); err != nil {
			panic(err)
		}
		return n
	case "bytea":
		return must(hex.DecodeString(text))
	case "date", "timestamp", "timestamptz":
		return must(parseTime(p.Type, text))
	case "time":
		t := must(parseTime(p.Type, text))
		return pgtype.Time{Microseconds: t.Sub(t.Truncate(24 * time.Hour)).Microseconds(), Valid: true}
	case "interval":
		return pgtype.Interval{Microseconds: must(strconv.ParseInt(text, 10, 64)), Valid: true}
	case "uuid":
		var u pgtype.UUID
		if err := u.Scan(text); err != nil {
			panic(err)
		}
		return u
	case "json", "jsonb":
		return json.RawMessage(text)
	}
	return text
}

func pgxList(elem string, v any) any {
	if elem == "text" {
		return list(v)
	}
	all := []*int64{}
	for _, x := range list(v) {
		if x == nil {
			all = append(all, nil)
		} else {
			n := must(strconv.ParseInt(*x, 10, 64))
			all = append(all, &n)
		}
	}
	return all
}

func canonPgx(kind string, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		return canonBool(v)
	case int16, int32, int64, uint32:
		return fmt.Sprint(v)
	case float32:
		return canonFloat(float64(v))
	case float64:
		if strings.HasPrefix(kind, "json") {
			break
		}
		return canonFloat(v)
	case string:
		if strings.HasPrefix(kind, "json") {
			break
		}
		return v
	case []byte:
		return hex.EncodeToString(v)
	case [16]byte:
		return fmt.Sprintf("%x-%x-%x-%x-%x", v[0:4], v[4:6], v[6:8], v[8:10], v[10:])
	case time.Time:
		return canonTime(kind, v)
	case pgtype.Time:
		return time.UnixMicro(v.Microseconds).UTC().Format("15:04:05.000000")
	case pgtype.Interval:
		return fmt.Sprint(v.Microseconds + (int64(v.Days)+30*int64(v.Months))*86400000000)
	case pgtype.Numeric:
		return must(v.Value())
	case []any:
		if !strings.HasPrefix(kind, "json") {
			return elements(v, func(x any) string { return canonPgx(kind, x).(string) })
		}
	}
	return "json:" + string(must(json.Marshal(v)))
}
