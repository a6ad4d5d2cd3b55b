// A test framework of one macro.
#pragma once

#include <cstdio>
#include <cstdlib>

// Reports the first failures with their place; the program's exit status says whether any failed.
inline int& failures() {
  static int count = 0;
  return count;
}

#define CHECK(condition, ...)                                            \
  do {                                                                   \
    if (!(condition)) {                                                  \
      std::fprintf(stderr, "%s:%d: %s", __FILE__, __LINE__, #condition); \
      std::fprintf(stderr, " | " __VA_ARGS__);                           \
      std::fprintf(stderr, "\n");                                        \
      if (++failures() >= 20) std::exit(1);                              \
    }                                                                    \
  } while (false)
