// The suites that the program runs besides its own.
#pragma once

namespace mpsolve::test {

void test_front();
void test_front_limits();
void test_many();
void test_branch();
void test_paths();
void test_paths_limits();
void test_dense();
void test_dense_bounds();
void test_dense_local();

}  // namespace mpsolve::test
