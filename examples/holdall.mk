# Where the examples find the library. HOLDALL_LIB_DIR is the folder of it: what cargo built last, or the package has that
# they are in, unless it is said. HOLDALL_STATIC=1 links the static one. BUILD is where a server is put.

BUILD ?= build
ROOT := $(dir $(lastword $(MAKEFILE_LIST)))..
TARGET := $(or $(CARGO_TARGET_DIR),$(ROOT)/target)
HOLDALL_LIB_DIR ?= $(patsubst %/,%,$(dir $(firstword $(shell ls -t $(TARGET)/release/libholdall_c.so $(TARGET)/debug/libholdall_c.so $(ROOT)/lib/libholdall.so 2>/dev/null))))
# Cargo's names, and those that they are installed by.
SHARED := $(firstword $(wildcard $(HOLDALL_LIB_DIR)/libholdall_c.so $(HOLDALL_LIB_DIR)/libholdall.so))
STATIC := $(firstword $(wildcard $(HOLDALL_LIB_DIR)/libholdall_c.a $(HOLDALL_LIB_DIR)/libholdall.a))
LIBRARY := $(abspath $(if $(filter 1,$(HOLDALL_STATIC)),$(STATIC),$(SHARED)))

ifeq ($(LIBRARY)$(filter clean,$(MAKECMDGOALS)),)
$(error no libholdall in "$(HOLDALL_LIB_DIR)": run cargo build --release -p holdall-ffi, or say where it is with HOLDALL_LIB_DIR)
endif

ifeq ($(HOLDALL_STATIC),1)
HOLDALL_LIBS := $(LIBRARY) -lgcc_s -lutil -lrt -lpthread -lm -ldl
else
SONAME := $(if $(LIBRARY),$(shell readelf -d $(LIBRARY) | sed -n 's/.*soname: \[\(.*\)\]/\1/p'))
HOLDALL_LIBS := $(BUILD)/$(SONAME) -Wl,-rpath,'$$ORIGIN' -pthread

# The program looks for the library by this name, beside itself.
$(BUILD)/server: $(BUILD)/$(SONAME)
$(BUILD)/$(SONAME): ALWAYS | $(BUILD)
	@[ "$$(readlink $@)" = '$(LIBRARY)' ] || ln -sf $(LIBRARY) $@
endif

# What a server was linked to; another library is linked anew.
$(BUILD)/linked: ALWAYS | $(BUILD)
	@[ "$$(cat $@ 2>/dev/null)" = '$(LIBRARY)' ] || echo '$(LIBRARY)' > $@
$(BUILD)/server: $(BUILD)/linked

HEADERS := $(wildcard $(ROOT)/include/holdall.h*)

$(BUILD):
	mkdir -p $@

clean:
	rm -rf $(BUILD)

.PHONY: ALWAYS clean
