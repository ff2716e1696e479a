// Where the hold process finds its child rows: the actor's as stored, or with a decision's changes.
// Not for others.
#pragma once

#include <map>
#include <string>

#include "actors/hold_lots.hpp"
#include "actors/row_keys.hpp"
#include "cluster/decision.hpp"

namespace millrace::actors::holds {

/// The actor's rows with what the decision's events have changed.
class drafted_rows final : public rows {
 public:
  explicit drafted_rows(context& ctx) : ctx_(ctx) {}
  std::optional<process::LotRowT> lot(std::uint32_t number) override {
    const auto changed = lots_.find(number);
    return changed != lots_.end() ? std::optional(changed->second)
                                  : ctx_.row<process::LotRowT>("lots", number_key(number));
  }
  std::uint32_t number_of(std::string_view plant, std::string_view batch) override {
    const auto key = key_of(plant, batch);
    const auto changed = numbers_.find(key);
    if (changed != numbers_.end()) return changed->second;
    const auto row = ctx_.row<process::LotNumberRowT>("lot_numbers", key);
    return row ? row->number : 0;
  }
  void put_lot(std::uint32_t number, const process::LotRowT& row) override { lots_[number] = row; }
  void put_number(std::string_view plant, std::string_view batch, std::uint32_t number) override {
    numbers_[key_of(plant, batch)] = number;
  }
  void put_escape(std::uint32_t, const process::EscapeT&) override {}  // never read again

 private:
  context& ctx_;
  std::map<std::uint32_t, process::LotRowT> lots_;
  std::map<std::string, std::uint32_t> numbers_;
};

class stored_rows final : public rows {
 public:
  explicit stored_rows(evolution& evo) : evo_(evo) {}
  std::optional<process::LotRowT> lot(std::uint32_t number) override {
    return evo_.row<process::LotRowT>("lots", number_key(number));
  }
  std::uint32_t number_of(std::string_view plant, std::string_view batch) override {
    const auto row = evo_.row<process::LotNumberRowT>("lot_numbers", key_of(plant, batch));
    return row ? row->number : 0;
  }
  void put_lot(std::uint32_t number, const process::LotRowT& row) override {
    evo_.put_row("lots", number_key(number), row);
  }
  void put_number(std::string_view plant, std::string_view batch, std::uint32_t number) override {
    process::LotNumberRowT row;
    row.number = number;
    evo_.put_row("lot_numbers", key_of(plant, batch), row);
  }
  void put_escape(std::uint32_t number, const process::EscapeT& escape) override {
    process::EscapeRowT row;
    row.escape = std::make_unique<process::EscapeT>(escape);
    evo_.put_row("escaped", number_key(number), row);
  }

 private:
  evolution& evo_;
};

}  // namespace millrace::actors::holds
