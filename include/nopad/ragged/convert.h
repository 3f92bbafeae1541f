// The border to the padded world, all of it: the only place in nopad that knows padding.
#pragma once

#include "nopad/ragged/foreign_masks.h"    // IWYU pragma: export
#include "nopad/ragged/packed_sequence.h"  // IWYU pragma: export
#include "nopad/ragged/padded.h"           // IWYU pragma: export
#include "nopad/ragged/sequences.h"        // IWYU pragma: export
