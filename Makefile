# QueryFlux in C. `make help` names the targets and the variables.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
SYSTEMDDIR ?= $(PREFIX)/lib# where systemd looks: /usr/lib, /usr/local/lib
SYSCONFDIR ?= /etc
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions

CC := gcc
FUZZ_CC := clang
WERROR ?= 1
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2))

# ---- what there is ---------------------------------------------------------------------------------------------------
lib_src := $(sort $(shell find lib -name '*.c'))
programs := $(sort $(patsubst cmd/%/,%,$(dir $(wildcard cmd/qf-*/*.c))))
units := $(sort $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c)))
fuzzers := $(sort $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
benches := $(sort $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c)))
deps := build/deps
arrow_src := $(sort $(wildcard $(deps)/nanoarrow/*/*/*.c))
llhttp := /usr/share/llhttp# of Debian's node-llhttp: sources, without a library
llhttp_src := $(sort $(wildcard $(llhttp)/*.c))

# ---- flags -----------------------------------------------------------------------------------------------------------
packages := libzmq yaml-0.1 jansson libpcre2-8 libsystemd libcrypto libssl libpq zlib
packages_have := $(shell pkg-config --exists $(packages) python-3.11-embed 2>/dev/null && echo yes)
ifeq ($(packages_have),yes)
pkg_cflags := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(packages)))
libs := $(shell pkg-config --libs $(packages)) -ldl -lm -lpthread
py_cflags := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags python-3.11-embed))
py_libs := $(shell pkg-config --libs python-3.11-embed)
endif
warn := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wimplicit-fallthrough=5 -Wnull-dereference -Wlogical-op
werror := $(if $(filter true,$(CI)),-Werror,$(if $(filter 1,$(WERROR)),-Werror))
base := -std=c17 -D_GNU_SOURCE -g -fno-common -fPIE
incs := -Iinclude -isystem $(deps)/nanoarrow -isystem $(deps)/duckdb -isystem /usr/share/include/llhttp $(pkg_cflags)
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
hard_link := -pie -Wl,-z,relro,-z,now

# Per variant: compiler, flags, warnings taken back (a sanitizer's own code sets them off), where programs go.
release_cc = $(CC)
release_flags := -O2 -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3
release_bin := build/bin
asan_cc = $(CC)
asan_flags := -O1 $(sanitize)
asan_ldflags := -static-libasan -static-libubsan # the shared two take log_path from each other
asan_unwarn := -Wno-null-dereference -Wno-maybe-uninitialized
asan_bin := build/asan/bin
fuzz_cc = $(FUZZ_CC)
fuzz_flags := -O1 $(sanitize) -fsanitize=fuzzer-no-link
fuzz_unwarn := -Wno-unknown-warning-option -Wno-implicit-fallthrough -Wno-format-nonliteral
fuzz_bin := build/fuzz/bin
variants := release asan fuzz

# ---- rules, once per variant -----------------------------------------------------------------------------------------
define variant_rules
$(1)_lib := build/$(1)/libqf.a
$(1)_obj = $$(patsubst %.c,build/$(1)/obj/%.o,$$(1))
$(1)_llhttp := $$(patsubst $(llhttp)/%.c,build/$(1)/obj/llhttp/%.o,$(llhttp_src))
$(1)_programs := $$(addprefix $$($(1)_bin)/,$$(programs))
$(1)_units := $$(addprefix build/$(1)/unit/,$$(units))
$(1)_replays := $$(addprefix build/$(1)/replay/,$$(fuzzers))
$(1)_all_flags := $$(base) $$($(1)_flags) $$(CFLAGS)
$(1)_ld = $$($(1)_cc) $$($(1)_flags) $$($(1)_ldflags) $$(hard_link) $$(CFLAGS) $$(LDFLAGS)

# Other flags than last time mean that every object is made again.
ifneq ($$(file <build/$(1)/flags),$$($(1)_cc) $$($(1)_all_flags))
$$(shell mkdir -p build/$(1))
$$(file >build/$(1)/flags,$$($(1)_cc) $$($(1)_all_flags))
endif

build/$(1)/obj/$(deps)/%.o: $(deps)/%.c build/$(1)/flags
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_cc) $$($(1)_all_flags) -w $$(incs) -MMD -MP -c $$< -o $$@
build/$(1)/obj/llhttp/%.o: $(llhttp)/%.c build/$(1)/flags
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_cc) $$($(1)_all_flags) -w -DLLHTTP_STRICT_MODE=1 $$(incs) -MMD -MP -c $$< -o $$@
build/$(1)/obj/cmd/qf-translate/%.o build/$(1)/obj/cmd/qf-route/pyscript.o build/$(1)/obj/tests/unit/test_translate%.o: \
	xcflags := $$(py_cflags)
build/$(1)/obj/%.o: %.c build/$(1)/flags
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_cc) $$($(1)_all_flags) $$(warn) $$($(1)_unwarn) $$(werror) $$(incs) $$(xcflags) -MMD -MP -c $$< -o $$@
build/$(1)/obj/cmd/qf-translate/pysource.o: $(wildcard cmd/qf-translate/py/*.py cmd/qf-translate/catalog/*) # which it carries
build/$(1)/obj/cmd/qf-route/pyscript.o: $(wildcard cmd/qf-route/py/*.py)
$$($(1)_lib): $$(call $(1)_obj,$$(lib_src) $$(arrow_src)) $$($(1)_llhttp)
	$$(call say,AR,$$@)
	@rm -f $$@.tmp
	$$(Q)ar rcsD $$@.tmp $$^ && mv $$@.tmp $$@
$(foreach p,$(programs),
$$($(1)_bin)/$(p): $$(patsubst %.c,build/$(1)/obj/%.o,$(wildcard cmd/$(p)/*.c)))
$$($(1)_bin)/%: $$($(1)_lib)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_ld) -o $$@ $$(filter %.o,$$^) $$($(1)_lib) $$(libs) $$(if $$(filter qf-translate qf-route,$$*),$$(py_libs))
build/$(1)/unit/%: build/$(1)/obj/tests/unit/%.o $$($(1)_lib)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_ld) -o $$@ $$^ -lcmocka $$(libs)
build/$(1)/replay/%: build/$(1)/obj/tests/fuzz/%.o build/$(1)/obj/tests/fuzz/replay.o $$($(1)_lib)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_ld) -o $$@ $$^ $$(libs)
build/$(1)/bench/%: build/$(1)/obj/tests/bench/%.o $$($(1)_lib)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$($(1)_ld) -o $$@ $$^ $$(libs)
endef
$(foreach v,$(variants),$(eval $(call variant_rules,$(v))))
.SECONDARY:

build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o $(fuzz_lib)
	$(call say,LD,$@)
	$(Q)$(fuzz_ld) -fsanitize=fuzzer -o $@ $^ $(libs)

# ---- targets ---------------------------------------------------------------------------------------------------------
.PHONY: all deps deps-check run units check fresh-check asan fuzz bench lint install uninstall clean help print-compile
.PHONY: analyze
all: $(release_programs) ## build the programs into build/bin
	@:
ifneq ($(packages_have)$(if $(arrow_src),,none)$(if $(llhttp_src),,none),yes)
$(lib_src) $(wildcard cmd/*/*.c tests/unit/*.c tests/fuzz/*.c tests/bench/*.c): | no-deps
.PHONY: no-deps
no-deps:
	@echo 'Something that the build needs is missing: run "make deps" first.' >&2; exit 1
endif

deps: ## get what is missing: Debian packages, DuckDB, nanoarrow, sqlglot
	@.ci/deps
deps-check: ## the same for the tests
	@.ci/deps check

# A second make, because this one looked for packages and sources before they were there; on all cores unless told.
submake = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
run: deps ## start the whole toolkit in the foreground
	@$(submake) all
	@exec build/bin/qf-admin up $(ARGS)
check: deps-check ## build everything and run all tests; SUITES="unit replay", T=name choose some
	@$(submake) all units
	@tests/run $(if $(SUITES),--suites '$(SUITES)') $(T)
asan: deps-check ## the same with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(submake) asan-built
	@tests/run --variant asan --suites '$(or $(SUITES),unit replay integration)' $(T)
fuzz: ## fuzz each target for FUZZ_SECONDS (60); T=name chooses some
	@.ci/deps fuzz
	@$(submake) fuzz-built
	@tests/fuzz/run '$(or $(FUZZ_SECONDS),60)' $(T)
bench: deps-check ## measure against direct connections, PgBouncer and the bare chain; ARGS="--only postgres"
	@$(submake) all bench-built
	@tests/bench/run $(ARGS)
fresh-check: ## the README's commands on a bare Debian 12 of its own (needs root); SUITES, T, FRESH_CACHE=empty
	@SUITES='$(SUITES)' T='$(T)' FRESH_CACHE='$(FRESH_CACHE)' tests/fresh/run
lint: deps-check all ## headers, include direction, layout, pages; LINT=deep adds -fanalyzer and cppcheck
	@LINT=$(LINT) tests/lint/run

.PHONY: asan-built fuzz-built bench-built
units: $(release_units) $(release_replays)
asan-built: $(asan_programs) $(asan_units) $(asan_replays) build/asan/lib
fuzz-built: $(addprefix build/fuzz/,$(fuzzers))
bench-built: $(addprefix build/release/bench/,$(benches))
build/asan/lib: # programs find ../lib/queryflux from build/asan/bin too
	@ln -sfn ../lib $@
test_%: build/release/unit/test_% ## build and run one unit test, e.g. make test_buf
	@$<
build/unit/%: build/release/unit/% # a shorter name for the same file
	@ln -sfn release/unit build/unit

print-compile: # for tests/lint/run
	@echo $(CC) $(base) $(warn) -Werror $(incs) $(py_cflags)
analyze:
	@printf '%s\n' $(lib_src) $(wildcard cmd/*/*.c) | xargs -P2 -I{} $(CC) $(base) -O2 -fanalyzer $(warn) $(incs) \
		$(py_cflags) -c {} -o /dev/null

# A configuration that is there is kept. Programs look for ../lib/queryflux beside their directory. A library that a
# program has open is replaced, never written into.
unit_dir := $(SYSTEMDDIR)/systemd/system
template = sed -e 's/ --serve$$/& --instance %i/; s/^Description=.*/& (%i)/; s/ qf-listen-trino.socket//' \
	-e '$$a \\n[Install]\nWantedBy=queryflux.target'
install: all ## install under DESTDIR and PREFIX (/usr/local), systemd's files under SYSTEMDDIR
	@install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/lib/queryflux $(unit_dir) $(SYSCONFDIR)/queryflux)
	install $(release_programs) $(DESTDIR)$(PREFIX)/bin
	umask 022 && cp -r --no-preserve=mode --remove-destination build/lib/queryflux/. $(DESTDIR)$(PREFIX)/lib/queryflux
	find $(DESTDIR)$(PREFIX)/lib/queryflux -name __pycache__ -prune -exec rm -r {} +
	for page in $(wildcard man/*.[1-8]); do install -Dm644 $$page -t $(DESTDIR)$(MANDIR)/man$${page##*.}; done
	for program in $(programs); do install -Dm644 completions/queryflux.bash $(DESTDIR)$(BASHCOMPDIR)/$$program; done
	install -Dm644 completions/_queryflux -t $(DESTDIR)$(ZSHCOMPDIR)
	install -m644 $(wildcard systemd/*.socket systemd/*.target) $(DESTDIR)$(unit_dir)
	for program in $(programs); do \
		sed 's,@bindir@,$(PREFIX)/bin,' systemd/$$program.service >$(DESTDIR)$(unit_dir)/$$program.service; \
		[ $$program = qf-admin ] || \
			$(template) $(DESTDIR)$(unit_dir)/$$program.service >$(DESTDIR)$(unit_dir)/$$program@.service; done
	install -Dm644 systemd/qf-.service.d/queryflux.conf -t $(DESTDIR)$(unit_dir)/qf-.service.d
	for kind in sysusers tmpfiles; do \
		install -Dm644 systemd/queryflux.$$kind $(DESTDIR)$(SYSTEMDDIR)/$$kind.d/queryflux.conf; done
	[ -e $(DESTDIR)$(SYSCONFDIR)/queryflux/queryflux.yaml ] || \
		install -m644 systemd/queryflux.yaml $(DESTDIR)$(SYSCONFDIR)/queryflux
ifeq ($(DESTDIR)$(shell id -u),0)
	@if [ -d /run/systemd/system ]; then set -x; systemd-sysusers queryflux.conf; \
		systemd-tmpfiles --create queryflux.conf; systemctl daemon-reload; fi
endif

uninstall: ## remove what install put there, but not configuration, state and users
	rm -rf $(addprefix $(DESTDIR)$(PREFIX)/,$(addprefix bin/,$(programs)) lib/queryflux)
	for page in $(wildcard man/*.[1-8]); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	rm -f $(addprefix $(DESTDIR)$(BASHCOMPDIR)/,$(programs)) $(DESTDIR)$(ZSHCOMPDIR)/_queryflux
	rm -rf $(DESTDIR)$(unit_dir)/qf-.service.d $(addprefix $(DESTDIR)$(unit_dir)/, \
		$(notdir $(wildcard systemd/*.socket systemd/*.target)) $(programs:=.service) $(programs:=@.service))
	rm -f $(addprefix $(DESTDIR)$(SYSTEMDDIR)/,sysusers.d/queryflux.conf tmpfiles.d/queryflux.conf)

clean: ## remove what was built; what was fetched stays
	rm -rf build/bin build/release build/asan build/fuzz build/unit

help: ## this list
	@sed -nE 's/^([a-z][a-z_%-]*):.* ## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20
	@echo 'Variables: V=1 shows commands, WERROR=0, CFLAGS, LDFLAGS, CC, PREFIX, DESTDIR, SYSTEMDDIR.'

-include $(shell find build/*/obj -name '*.d' 2>/dev/null)
