// SPDX-License-Identifier: Apache-2.0
// Makes CLinux a library: what it offers so far is inline in its header.
#include "CLinux.h"
