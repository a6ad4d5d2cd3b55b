// Tests of the engine for couplings of any width.
#pragma once

namespace mpsolve::test {

void test_dense_enumeration();
void test_dense_bounds();
void test_dense_local();

}  // namespace mpsolve::test
