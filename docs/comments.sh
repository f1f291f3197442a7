#!/bin/sh
# Makes Doxygen's comments of the header's: `//` before a declaration, and behind one.
exec sed -E 's@^([[:space:]]*)// ?@\1/// @; s@^typedef struct \{ // (.*)@/// \1\ntypedef struct {@; s@([;,{}]) // @\1 ///< @; s@^(#define [A-Z_a-z0-9]+.*[^ ]) // @\1 ///< @; 1,200s@^/\*$@/** \\file@' "$1"
