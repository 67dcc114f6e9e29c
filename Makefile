# ipcutils. No list of files is kept by hand: what lies in a directory is built.
#
#   make                 everything that is installed, into build/
#   make check [T=...]   the tests (T: only these, tests/*.bats or tests/unit/*.cpp)
#   make check-asan      the same under AddressSanitizer and UBSan; check-tsan: ThreadSanitizer
#   make lint            warnings as errors, clang-tidy, shellcheck, mandoc, layers, options, format
#   make bench           time against the peers that are installed (BENCH_MD=FILE: the table as markdown)
#   make torture         random kills and floods for SECONDS_TO_RUN (120)
#   make demo            real jobs, compared with their sequential runs
#   make install         honours DESTDIR and PREFIX; also uninstall, clean
#   make install-flock   install, and plock under the name flock besides
#
# Variables: CXX CC CXXFLAGS CFLAGS LDFLAGS, BUILD (the directory), SAN (address or thread).

BUILD ?= build
SAN ?=
PREFIX ?= /usr/local
DESTDIR ?=
T ?=
SECONDS_TO_RUN ?= 120

VERSION := $(file <VERSION)
comma := ,
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion

ifeq ($(SAN),)
  CXXFLAGS ?= -O2
else
  CXXFLAGS ?= -O1 -g -fno-omit-frame-pointer
  SAN_FLAGS := $(if $(filter address,$(SAN)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all,-fsanitize=$(SAN))
endif
CFLAGS ?= -O2
COMPILE_FLAGS = -std=c++20 $(WARNINGS) -pthread -ffunction-sections -fdata-sections \
  -DIPCUTILS_VERSION='"$(VERSION)"' -Ilib $(SAN_FLAGS) $(CXXFLAGS)
LINK_FLAGS = -pthread -Wl,--gc-sections $(SAN_FLAGS) $(CXXFLAGS) $(LDFLAGS)

# What there is.
tool_dirs := $(sort $(patsubst cmd/%/,%,$(wildcard cmd/*/)))
tools := $(sort $(patsubst cmd/%/main.cpp,%,$(wildcard cmd/*/main.cpp)))
lib_dirs := $(sort $(foreach dir,$(wildcard lib/*/),$(if $(wildcard $(dir)*.cpp),$(patsubst lib/%/,%,$(dir)))))
objects = $(patsubst %.cpp,$(BUILD)/obj/%.o,$(wildcard $(1)/*.cpp))
# libipc comes last: the others use it.
libs := $(foreach lib,$(filter-out ipc,$(lib_dirs)) $(filter ipc,$(lib_dirs)),$(BUILD)/lib/lib$(lib).a)

support_sources := $(wildcard tests/support/*.c tests/support/*.cpp)
shim_sources := $(filter %_shim.c,$(support_sources))
support := $(patsubst tests/support/%,$(BUILD)/support/%,$(basename $(filter-out $(shim_sources),$(support_sources))))
shims := $(shim_sources:tests/support/%_shim.c=$(BUILD)/shim/%.so) $(tools:%=$(BUILD)/shim/%)
units := $(patsubst tests/unit/%.cpp,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.cpp))
bench_tools := $(patsubst tests/bench/%,$(BUILD)/bench/%,$(basename $(wildcard tests/bench/*.c tests/bench/*.cpp)))
binaries := $(tools:%=$(BUILD)/bin/%)
completions := $(foreach tool,$(tools),$(addprefix $(BUILD)/completions/,$(tool).bash _$(tool) $(tool).fish))
pages := $(wildcard man/*.[1-9])

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tests install install-flock uninstall check check-asan check-tsan lint bench torture demo clean

all: $(binaries) $(completions)
tests: all $(support) $(shims) $(units)

ifneq ($(if $(MAKECMDGOALS),$(filter-out clean,$(MAKECMDGOALS)),all),)
# A static binary starts in a third of the time of a dynamic C++ one, and with fewer page faults when its parts lie
# together: link that way wherever a probe shows it works.
ifeq ($(SAN),)
probe := $(BUILD)/link-$(notdir $(firstword $(CXX))).mk
include $(probe)
$(probe): Makefile
	@mkdir -p $(@D)
	@echo 'int main(int c, char**) { try { if (c) throw 1; } catch (int) { return 0; } return 1; }' >$@.cpp
	@if $(CXX) -static -Wl,-z,noseparate-code -o $@.bin $@.cpp 2>$@.log && $@.bin; then \
	  echo 'how_linked := -static -Wl,-z,noseparate-code'; else echo 'how_linked := -static-libstdc++ -static-libgcc'; fi >$@.new
	@rm -f $@.cpp $@.bin $@.log; mv $@.new $@
endif

# Other flags, another compiler or another version: everything is compiled anew.
flags_now := $(CXX) $(COMPILE_FLAGS) $(LINK_FLAGS) $(how_linked) $(CC) $(CFLAGS)
ifneq ($(file <$(BUILD)/flags),$(flags_now))
  $(shell mkdir -p $(BUILD))
  $(file >$(BUILD)/flags,$(flags_now))
endif
endif

compile = $(CXX) $(COMPILE_FLAGS) -MMD -MP
link = $(CXX) $(LINK_FLAGS)
parts = $(filter %.o,$^) $(filter %.a,$^)

# Directories are prerequisites so that a file that has gone is noticed too.
$(BUILD)/obj/%.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(compile) $(extra_includes) -c -o $@ $<

define library_rules
$(BUILD)/lib/lib$(1).a: $(call objects,lib/$(1)) lib/$(1)
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach lib,$(lib_dirs),$(eval $(call library_rules,$(lib))))

# build/shim/TOOL is the same program linked dynamically, so that tests can put LD_PRELOAD between it and libc.
define tool_rules
$(BUILD)/bin/$(1): $(call objects,cmd/$(1)) $(libs) cmd/$(1)
	@mkdir -p $$(@D)
	$$(link) $$(how_linked) -o $$@ $$(parts)
$(BUILD)/shim/$(1): $(call objects,cmd/$(1)) $(libs) cmd/$(1)
	@mkdir -p $$(@D)
	$$(link) -o $$@ $$(parts)
$(BUILD)/completions/$(1).bash: for_shell = bash
$(BUILD)/completions/_$(1): for_shell = zsh
$(BUILD)/completions/$(1).fish: for_shell = fish
$(addprefix $(BUILD)/completions/,$(1).bash _$(1) $(1).fish): $(BUILD)/bin/$(1)
	@mkdir -p $$(@D)
	$$< --completions $$(for_shell) >$$@
endef
$(foreach tool,$(tools),$(eval $(call tool_rules,$(tool))))

# A test named TOOL_..._test is linked with that tool's objects, all but its main().
tool_of = $(firstword $(foreach tool,$(tool_dirs),$(if $(filter $(tool)_%,$(1)),$(tool))))
define unit_rules
$(BUILD)/obj/tests/unit/$(1).o: extra_includes = $(addprefix -Icmd/,$(2))
$(BUILD)/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(if $(2),$(filter-out %/main.o,$(call objects,cmd/$(2))) cmd/$(2)) $(libs)
	@mkdir -p $$(@D)
	$$(link) -o $$@ $$(parts)
endef
$(foreach unit,$(notdir $(units)),$(eval $(call unit_rules,$(unit),$(call tool_of,$(unit)))))

# Helper programs and shims are never sanitized.
helper_deps = -MMD -MP -MT $@ -MF $@.d
helper_cc = $(CC) $(CFLAGS) -D_GNU_SOURCE -Wall -Wextra -pthread $(helper_deps)
$(BUILD)/support/nolibc_%: tests/support/nolibc_%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -nostdlib -static -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
	  -Wl,--build-id=none -o $@ $<
$(BUILD)/support/%: tests/support/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(helper_cc) -o $@ $<
$(BUILD)/support/%: tests/support/%.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++20 $(WARNINGS) -O2 -pthread $(helper_deps) -Ilib -o $@ $<
$(BUILD)/shim/%.so: tests/support/%_shim.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(helper_cc) -shared -fPIC -o $@ $< -ldl
$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(helper_cc) $(how_linked) -o $@ $<
$(BUILD)/bench/%: tests/bench/%.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) -std=c++20 $(WARNINGS) -O2 $(helper_deps) $(how_linked) -o $@ $<

-include $(patsubst %.o,%.d,$(foreach dir,$(lib_dirs:%=lib/%) $(tool_dirs:%=cmd/%) tests/unit,$(call objects,$(dir))))
-include $(addsuffix .d,$(support) $(bench_tools) $(filter %.so,$(shims)))

# Installing.
bin_dir = $(DESTDIR)$(PREFIX)/bin
man_dir = $(DESTDIR)$(PREFIX)/share/man
bash_dir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zsh_dir = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
fish_dir = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

install: all
	for tool in $(tools); do \
	  install -D -m 755 "$(BUILD)/bin/$$tool" "$(bin_dir)/$$tool" && \
	  install -D -m 644 "$(BUILD)/completions/$$tool.bash" "$(bash_dir)/$$tool" && \
	  install -D -m 644 "$(BUILD)/completions/_$$tool" "$(zsh_dir)/_$$tool" && \
	  install -D -m 644 "$(BUILD)/completions/$$tool.fish" "$(fish_dir)/$$tool.fish" || exit; done
	for page in $(pages); do \
	  install -D -m 644 "$$page" "$(man_dir)/man$${page##*.}/$${page##*/}" || exit; done

install-flock: install
	ln -sf plock "$(bin_dir)/flock"

uninstall:
	for tool in $(tools); do \
	  rm -f "$(bin_dir)/$$tool" "$(bash_dir)/$$tool" "$(zsh_dir)/_$$tool" "$(fish_dir)/$$tool.fish"; done
	if [ "$$(readlink "$(bin_dir)/flock")" = plock ]; then rm -f "$(bin_dir)/flock"; fi
	for page in $(pages); do rm -f "$(man_dir)/man$${page##*.}/$${page##*/}"; done

# Testing.
check: tests
	@IPCUTILS_BUILD="$(abspath $(BUILD))" IPCUTILS_SANITIZER="$(SAN)" tests/run.sh $(T)

check-asan:
	@$(MAKE) BUILD=$(BUILD)/asan SAN=address check

check-tsan:
	@$(MAKE) BUILD=$(BUILD)/tsan SAN=thread check

lint: all
	@IPCUTILS_BUILD="$(abspath $(BUILD))" tests/lint.sh

bench: tests $(bench_tools)
	@IPCUTILS_BUILD="$(abspath $(BUILD))" tests/bench.sh

torture: tests
	@IPCUTILS_BUILD="$(abspath $(BUILD))" SECONDS_TO_RUN="$(SECONDS_TO_RUN)" tests/torture.sh

demo: all
	@IPCUTILS_BUILD="$(abspath $(BUILD))" tests/demo.sh

clean:
	rm -rf $(BUILD)
