// The canonical walk, fed into XXH3-128.
#include "schemas/canonical.hpp"

#include <bit>
#include <memory>

#include <xxhash.h>

#include "schemas/plan.hpp"

namespace millrace {
namespace {

using flatbuffers::ReadScalar;
using flatbuffers::Table;

class hasher {
 public:
  hasher() { XXH3_128bits_reset(state_.get()); }
  template <class Number>
  void number(Number value) {
    const auto wire = flatbuffers::EndianScalar(value);
    XXH3_128bits_update(state_.get(), &wire, sizeof wire);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint64_t>(value.size()));
    XXH3_128bits_update(state_.get(), value.data(), value.size());
  }
  hash128 digest() const {
    const auto made = XXH3_128bits_digest(state_.get());
    return {made.high64, made.low64};
  }

  void table(const table_plan& plan, const Table& at) {
    for (const auto& field : plan.fields) {
      const auto* value = at.GetAddressOf(field.slot);
      if (!value || says_nothing(field, value)) continue;
      number(static_cast<std::uint16_t>(field.id + 1));
      if (field.is_vector) {
        vector(field, target(value));
      } else if (field.shape == value_shape::choice) {
        choice(field, at, value);
      } else {
        one(field, value);
      }
    }
    number(std::uint16_t{0});
  }

 private:
  static const std::uint8_t* target(const std::uint8_t* at) {
    return at + ReadScalar<flatbuffers::uoffset_t>(at);
  }

  static double real_at(const field_plan& field, const std::uint8_t* at) {
    return field.scalar == reflection::Float ? static_cast<double>(ReadScalar<float>(at))
                                             : ReadScalar<double>(at);
  }
  static std::int64_t whole_at(const field_plan& field, const std::uint8_t* at) {
    switch (field.size) {
      case 1:
        return field.scalar == reflection::Byte ? ReadScalar<std::int8_t>(at)
                                                : ReadScalar<std::uint8_t>(at);
      case 2:
        return field.scalar == reflection::Short ? ReadScalar<std::int16_t>(at)
                                                 : ReadScalar<std::uint16_t>(at);
      case 4:
        return field.scalar == reflection::Int ? ReadScalar<std::int32_t>(at)
                                               : ReadScalar<std::uint32_t>(at);
      default:
        return ReadScalar<std::int64_t>(at);
    }
  }

  /// True for values that the object API does not tell from absence.
  static bool says_nothing(const field_plan& field, const std::uint8_t* at) {
    if (field.is_vector || field.shape == value_shape::text)
      return ReadScalar<flatbuffers::uoffset_t>(target(at)) == 0;
    switch (field.shape) {
      case value_shape::boolean:
      case value_shape::integer:
      case value_shape::enumeration:
        return !field.nullable && whole_at(field, at) == field.default_integer;
      case value_shape::real:
        return !field.nullable && std::bit_cast<std::uint64_t>(real_at(field, at)) ==
                                      std::bit_cast<std::uint64_t>(field.default_real);
      case value_shape::decimal:
      case value_shape::time:
        return field.always_there && ReadScalar<std::uint64_t>(at) == 0;
      case value_shape::hash:
        return field.always_there && ReadScalar<std::uint64_t>(at) == 0 &&
               ReadScalar<std::uint64_t>(at + 8) == 0;
      case value_shape::text:
      case value_shape::table:
      case value_shape::choice:
        return false;
    }
    return false;
  }

  void one(const field_plan& field, const std::uint8_t* at) {
    switch (field.shape) {
      case value_shape::boolean:
      case value_shape::integer:
      case value_shape::enumeration:
        return number(whole_at(field, at));
      case value_shape::real:
        return number(std::bit_cast<std::uint64_t>(real_at(field, at)));
      case value_shape::decimal:
      case value_shape::time:
        return number(ReadScalar<std::uint64_t>(at));
      case value_shape::hash:
        number(ReadScalar<std::uint64_t>(at));
        return number(ReadScalar<std::uint64_t>(at + 8));
      case value_shape::text:
        return text(reinterpret_cast<const flatbuffers::String*>(target(at))->string_view());
      case value_shape::table:
        return table(*field.table, *reinterpret_cast<const Table*>(target(at)));
      case value_shape::choice:
        return;  // has two fields: choice()
    }
  }

  void vector(const field_plan& field, const std::uint8_t* at) {
    const auto count = ReadScalar<flatbuffers::uoffset_t>(at);
    const bool is_offset = field.shape == value_shape::text || field.shape == value_shape::table;
    const std::size_t width = is_offset ? sizeof(flatbuffers::uoffset_t) : field.size;
    number(static_cast<std::uint64_t>(count));
    const auto* item = at + sizeof(flatbuffers::uoffset_t);
    for (flatbuffers::uoffset_t i = 0; i < count; ++i, item += width) one(field, item);
  }

  void choice(const field_plan& field, const Table& owner, const std::uint8_t* at) {
    const auto member = owner.GetField<std::uint8_t>(field.type_slot, 0);
    number(member);
    for (const auto& known : field.choices)
      if (known.member == member)
        return table(*known.table, *reinterpret_cast<const Table*>(target(at)));
  }

  struct freed {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, freed> state_{XXH3_createState()};
};

}  // namespace

hash128 canonical_hash(const schema_model&, const table_model& type, bytes_view table) {
  hasher h;
  h.table(*type.plan, *flatbuffers::GetRoot<Table>(table.data()));
  return h.digest();
}

}  // namespace millrace
