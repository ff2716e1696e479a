// What a cell keeps only while it needs it, and the eyes and hands that it gives to a kind for one
// decision. Private to the cell's sources.
#pragma once

#include "cluster/cell.hpp"
#include "cluster/overlay_rows.hpp"

namespace millrace {

/// A batch that was proposed and is not committed yet.
struct cell::flight {
  std::uint32_t records = 0;
  std::vector<std::pair<std::string, timestamp>> timers;  // armed, moved or cancelled by it
};

/// What few actors have.
struct cell::extras {
  std::vector<engine::ParkedT> parked;
  overlay_rows rows;
  std::vector<std::string>
      index_base;  // values of indexed fields as of the last image, when they have changed since
  std::vector<fault> faults;  // the last cell_faults_max inputs that the kind failed on
  std::string quarantined;
  std::size_t retry_from = 0;  // parked facts take turns when there are many
  bool index_moved = false;    // index_base counts
  bool imaged = false;         // an image is being stored

  [[nodiscard]] bool empty() const {
    return parked.empty() && rows.empty() && faults.empty() && quarantined.empty() &&
           !index_moved && !imaged;
  }
};

/// Room for the indexed fields' values before and after a change. One pass or event at a time on a
/// thread, so it is kept by the thread: these lists are made for every command.
struct index_room {
  std::vector<std::string> before, after;
  [[nodiscard]] static index_room& here() {
    thread_local index_room room;
    return room;
  }
};

[[nodiscard]] std::string overlay_key(std::string_view table, std::string_view key);

/// Evolution of one record, or of a dry run when `scratch` is given.
class cell::growth final : public evolution {
 public:
  growth(cell& of, timestamp stamp, overlay_rows* scratch = nullptr)
      : of_(of), scratch_(scratch), sequence_(of.sequence_), stamp_(stamp) {}
  [[nodiscard]] std::uint64_t sequence() const override { return sequence_; }
  [[nodiscard]] timestamp stamp() const override { return stamp_; }
  void begin_event() override { ++sequence_; }
  void erase_row(std::string_view table, std::string_view key) override {
    write(table, key, nullptr);
  }

 protected:
  void put_row_raw(std::string_view table, std::string_view key, bytes row) override {
    write(table, key, std::make_shared<const bytes>(std::move(row)));
  }
  std::optional<bytes> row_raw(std::string_view table, std::string_view key) override;

 private:
  void write(std::string_view table, std::string_view key, std::shared_ptr<const bytes> row);

  cell& of_;
  overlay_rows* scratch_;
  std::uint64_t sequence_;
  timestamp stamp_;
};

/// What the kind sees while it decides on one input.
class cell::seen final : public context {
 public:
  seen(cell& of, timestamp now) : of_(of), now_(now) {}

  [[nodiscard]] timestamp now() const override { return now_; }
  [[nodiscard]] std::string_view plant() const override { return of_.env_->plant(); }
  [[nodiscard]] std::string_view id() const override { return of_.id(); }
  [[nodiscard]] std::uint64_t sequence() const override { return of_.sequence_; }
  [[nodiscard]] const caller& from() const override { return from_; }
  [[nodiscard]] std::string_view correlation() const override { return correlation_; }
  [[nodiscard]] hash128 command_id() const override { return id_; }
  [[nodiscard]] bool bound(System system) const override { return of_.env_->bound(system); }
  [[nodiscard]] std::string rule(std::string_view name, std::string_view fallback) const override {
    return of_.env_->rule(name, fallback);
  }
  [[nodiscard]] bool reposting() const override { return reposting_; }
  [[nodiscard]] bool has_row(std::string_view table, std::string_view key) override {
    return row_raw(table, key).has_value();
  }

  /// The next input. All views must live until its decision is made.
  void set(const caller& from, std::string_view correlation, hash128 id, bool reposting) {
    from_ = from;
    correlation_ = correlation;
    id_ = id;
    reposting_ = reposting;
    references.clear();
    blind.clear();
    held_.clear();
  }

  std::vector<std::pair<std::string, std::uint64_t>>
      references;     // actor and sequence that were looked at
  std::string blind;  // actor that could not be looked at: the decision is worth nothing

 protected:
  const void* look_up_raw(std::string_view kind, std::string_view id) override;
  std::optional<bytes> row_raw(std::string_view table, std::string_view key) override {
    return of_.row(table, key);
  }

 private:
  cell& of_;
  timestamp now_;
  caller from_;
  std::string_view correlation_;
  hash128 id_;
  bool reposting_ = false;
  std::vector<std::shared_ptr<const reference_state>> held_;
};

}  // namespace millrace
