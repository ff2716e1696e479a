// Conversions between the FlatBuffers structs and the native value types, as flatc's object API
// calls them. Both are the same bits under another name.
#include "schemas/common_generated.h"
#include "schemas/native.hpp"

namespace flatbuffers {
namespace {

template <class Struct, class Native>
optional_struct<Struct> pack_optional(const std::unique_ptr<Native>& value) {
  if (!value) return {};
  return {Pack(*value), true};
}

}  // namespace

millrace::Decimal Pack(const millrace::decimal& value) { return millrace::Decimal(value.micros()); }
millrace::Time Pack(const millrace::timestamp& value) { return millrace::Time(value.micros()); }
millrace::Hash128 Pack(const millrace::hash128& value) {
  return millrace::Hash128(value.hi, value.lo);
}

optional_struct<millrace::Decimal> Pack(const std::unique_ptr<millrace::decimal>& value) {
  return pack_optional<millrace::Decimal>(value);
}
optional_struct<millrace::Time> Pack(const std::unique_ptr<millrace::timestamp>& value) {
  return pack_optional<millrace::Time>(value);
}
optional_struct<millrace::Hash128> Pack(const std::unique_ptr<millrace::hash128>& value) {
  return pack_optional<millrace::Hash128>(value);
}

unpacked<millrace::decimal> UnPack(const millrace::Decimal& value) {
  return {millrace::decimal::from_micros(value.micros())};
}
unpacked<millrace::timestamp> UnPack(const millrace::Time& value) {
  return {millrace::timestamp::from_micros(value.us())};
}
unpacked<millrace::hash128> UnPack(const millrace::Hash128& value) {
  return {{value.hi(), value.lo()}};
}

}  // namespace flatbuffers
