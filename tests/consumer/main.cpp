#include <iostream>
#include <walkit/base/result.hpp>
#include <walkit/version.hpp>

int main() {
  const walkit::Result<walkit::EntryId> first = walkit::EntryId{1};
  std::cout << "walkit " << walkit::version() << ", first id " << first.value() << '\n';
  return walkit::version() == WALKIT_VERSION ? 0 : 1;
}
