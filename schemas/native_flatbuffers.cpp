// Conversions between the FlatBuffers structs and the native value types, as flatc's object API calls them.
// Both are the same bits under another name.
#include "schemas/common_generated.h"
#include "schemas/native.hpp"

namespace flatbuffers {

millrace::Decimal Pack(const millrace::decimal& value) { return millrace::Decimal(value.micros()); }
unpacked<millrace::decimal> UnPack(const millrace::Decimal& value) {
  return {millrace::decimal::from_micros(value.micros())};
}
millrace::Time Pack(const millrace::timestamp& value) { return millrace::Time(value.micros()); }
unpacked<millrace::timestamp> UnPack(const millrace::Time& value) {
  return {millrace::timestamp::from_micros(value.us())};
}
millrace::Hash128 Pack(const millrace::hash128& value) { return millrace::Hash128(value.hi, value.lo); }
unpacked<millrace::hash128> UnPack(const millrace::Hash128& value) { return {{value.hi(), value.lo()}}; }

}  // namespace flatbuffers
