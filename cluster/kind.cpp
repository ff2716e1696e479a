// The registry of kinds: filled once at the start of the program, then only read.
// A linear search is right: there are tens of kinds, and the hot paths keep the pointer.
#include "cluster/kind.hpp"

#include "cluster/check.hpp"

namespace millrace {

void kind_registry::add(std::unique_ptr<kind> k) {
  check(find(k->model().name) == nullptr);
  kinds_.push_back(std::move(k));
}

const kind* kind_registry::find(std::string_view name) const {
  for (const auto& k : kinds_)
    if (k->model().name == name) return k.get();
  return nullptr;
}

}  // namespace millrace
