# The two commands of a newcomer are `make run` and `make test`; each does all
# of its set-up.  The build itself is written by ./configure into objs/.

OBJS ?= objs
CONFIGURE_FLAGS ?=
# More of them on two processors, and some miss their times.
PROVE_JOBS ?= 3
SOURCES = $(shell find src -name '*.[ch]')
TEST_SOURCES = $(shell find tests -name '*.[ch]' ! -path 'tests/bench/*')

all: $(OBJS)/Makefile
	@$(MAKE) --no-print-directory -f $(OBJS)/Makefile all

help:
	@echo "make             build objs/mosn"
	@echo "make run         build, and start the quick start of conf/mosn.conf"
	@echo "make test        unit tests and whole-program tests, with sanitizers"
	@echo "make install     install below the configured prefix (DESTDIR)"
	@echo "make reference   write conf/REFERENCE.md from the directive tables"
	@echo "make format      clang-format all sources"
	@echo "make deb         a Debian package"
	@echo "make boot-test   the package under a real systemd, in a container"
	@echo "make lint        floors, banned calls, missing tests, formatting"
	@echo "make fuzz        random and mutated input for every codec"
	@echo "make interop     clients and servers that people use, through mosn"
	@echo "make bench       mosn, nginx and HAProxy side by side"
	@echo "make clean       remove what was built"

# A new or removed file or module is seen by configure.
$(OBJS)/Makefile: configure auto/* $(shell find src -name '*.c') \
    $(shell find tests -name '*.c')
	@./auto/deps build
	@if [ -z "$(CONFIGURE_FLAGS)" ] && [ -f $(OBJS)/configure.args ]; then \
	    ./configure $$(cat $(OBJS)/configure.args); \
	else \
	    ./configure --objs=$(OBJS) $(CONFIGURE_FLAGS); \
	fi

run: all
	@echo
	@echo "mosn is starting; try:  curl -i http://127.0.0.1:2045/"
	@echo "counters:               curl http://127.0.0.1:34901/stats"
	@echo "stop with ^C"
	@echo
	@exec $(OBJS)/mosn -c conf/mosn.conf

test:
	@./auto/deps build test
	@$(MAKE) --no-print-directory OBJS=objs-debug \
	    CONFIGURE_FLAGS="--debug --with-werror" all unit
	@MOSN_BIN=$(CURDIR)/objs-debug/mosn prove -j$(PROVE_JOBS) --timer \
	    -e '' $$(find objs-debug/tests -type f -perm -u+x ! -path '*/fuzz/*' \
	    | sort) :: || exit 1
	@MOSN_BIN=$(CURDIR)/objs-debug/mosn prove -j$(PROVE_JOBS) --timer \
	    -Itests/lib tests/t

unit: $(OBJS)/Makefile
	@$(MAKE) --no-print-directory -f $(OBJS)/Makefile unit

install: all
	@./auto/install $(OBJS) "$(DESTDIR)"

deb:
	@./auto/deps build
	@$(MAKE) --no-print-directory OBJS=objs-deb \
	    CONFIGURE_FLAGS="--prefix=/usr" all
	@./auto/deb objs-deb

boot-test: deb
	@./auto/deps boot
	@tests/systemd/boot

reference: all
	@$(OBJS)/mosn -R > conf/REFERENCE.md
	@$(OBJS)/mosn -R man > contrib/man/mosn.conf.5

format:
	@clang-format -i $(SOURCES) $(TEST_SOURCES)

lint: all
	@./auto/lint $(OBJS)/mosn

fuzz:
	@./auto/deps build test
	@$(MAKE) --no-print-directory OBJS=objs-debug \
	    CONFIGURE_FLAGS="--debug --with-werror" all
	@$(MAKE) --no-print-directory -f objs-debug/Makefile fuzzers
	@for f in $$(find objs-debug/tests/fuzz -type f -perm -u+x | sort); do \
	    $$f $(FUZZ_BYTES) || exit 1; done

bench:
	@./auto/deps build bench
	@$(MAKE) --no-print-directory all
	@tests/bench/run

# By hand: it fetches libraries, and takes minutes.  INTEROP=PATTERN picks tries.
interop:
	@./auto/deps build test
	@$(MAKE) --no-print-directory all
	@failed=0; for t in run rpc; do \
	    MOSN_BIN=$(CURDIR)/$(OBJS)/mosn tests/interop/$$t $(INTEROP) || failed=1; done; exit $$failed

clean:
	@rm -rf objs objs-debug objs-clang objs-deb

.PHONY: all help run test unit install deb boot-test reference format lint fuzz bench \
    interop clean
