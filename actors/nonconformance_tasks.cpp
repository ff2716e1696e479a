// What a disposition means for each lot, as tasks: movements and rework first, then the hold goes,
// then blocked stock is freed. Lots and orders are asked; what they cannot do, or what happens
// outside, is completed by the system or person that did it.
#include <algorithm>
#include <charconv>

#include "actors/nonconformance_parts.hpp"
#include "actors/stock.hpp"
#include "schemas/inventory/batch_kind.hpp"
#include "schemas/production/order_kind.hpp"

namespace millrace::actors::nonconformances {

namespace {

namespace lot = millrace::batch;
namespace po = millrace::order;
using nc::Disposition;
using nc::TaskKind;
using nc::TaskStatus;

struct lot_reference {
  using schema = lot::schema;
};

/// SAP's movement of a disposition; empty where none is posted for it.
std::string_view movement_of(Disposition d) {
  switch (d) {
    case Disposition::scrap:
      return "555";
    case Disposition::return_to_supplier:
    case Disposition::reject:
      return "122";
    case Disposition::regrade:
      return "309";
    case Disposition::use_as_is:
    case Disposition::conditional_use:
      return "343";
    case Disposition::rework:
    case Disposition::repair:
      break;
  }
  return {};
}

std::optional<TaskKind> task_of(Disposition d) {
  switch (d) {
    case Disposition::scrap:
    case Disposition::return_to_supplier:
    case Disposition::reject:
    case Disposition::regrade:
      return TaskKind::dispose;
    case Disposition::rework:
    case Disposition::repair:
      return TaskKind::rework;
    case Disposition::use_as_is:
    case Disposition::conditional_use:
      break;
  }
  return std::nullopt;
}

nc::TaskT& add(std::vector<nc::TaskT>& tasks, TaskKind kind, const std::string& batch) {
  auto& task = tasks.emplace_back();
  task.task = static_cast<std::uint32_t>(tasks.size());
  task.kind = kind;
  task.batch = batch;
  return task;
}

void add_for_line(std::vector<nc::TaskT>& tasks, TaskKind kind, const nc::LineT& line) {
  auto& task = add(tasks, kind, line.batch);
  task.disposition = line.disposition;
  task.quantity = line.quantity;
  task.unit = line.unit;
  task.movement = movement_of(line.disposition);
  task.target_material = line.target_material;
  task.document = line.document;
  task.target_batch = line.target_batch;
}

/// Blocked stock of a lot is freed as far as it is to be used.
void add_unblock(step& s, std::vector<nc::TaskT>& tasks) {
  for (const auto& line : s.next.lines) {
    if (movement_of(line.disposition) != "343" || line.batch.empty()) continue;
    const auto* known = s.ctx.look_up<lot_reference>(line.batch);
    if (known == nullptr) continue;
    const auto blocked = std::min(stock_of(*known, lot::StockType::blocked), line.quantity);
    if (!blocked.is_positive()) continue;
    add_for_line(tasks, TaskKind::unblock, line);
    tasks.back().quantity = blocked;
    tasks.back().unit = known->unit;
  }
}

std::vector<nc::TaskT> tasks_of(step& s) {
  std::vector<nc::TaskT> out;
  for (const auto& line : s.next.lines)
    if (const auto kind = task_of(line.disposition)) add_for_line(out, *kind, line);
  for (const auto& one : s.next.affected)
    if (one.hold == nc::HoldState::placed) add(out, TaskKind::release_hold, one.batch);
  add_unblock(s, out);
  return out;
}

/// Everything that comes before the task in its lot is done.
bool ready(const nc::StateT& state, const nc::TaskT& task) {
  return std::ranges::all_of(state.tasks, [&](const auto& other) {
    const bool before =
        task.kind >= TaskKind::release_hold && other.kind < task.kind && other.batch == task.batch;
    return !before || other.status == TaskStatus::done;
  });
}

void mark_asked(step& s, std::uint32_t task, const std::string& reference = {}) {
  nc::TaskAskedT event;
  event.task = task;
  event.reference = reference;
  s.emit(std::move(event));
}

void mark_ended(step& s, std::uint32_t task, const std::string& reference, const std::string& by,
                const std::string& failure = {}) {
  nc::TaskEndedT event;
  event.task = task;
  event.reference = reference;
  event.by = by;
  event.failed = !failure.empty();
  event.reason = failure;
  s.emit(std::move(event));
}

std::string tag_of(std::uint32_t task) { return "task\x1f" + std::to_string(task); }

/// The rework order carries the nonconformance's id, so that both find each other.
void create_order(step& s, const nc::TaskT& task) {
  const auto* known = s.ctx.look_up<lot_reference>(task.batch);
  po::CreateT create;
  create.material = known != nullptr ? known->material : s.next.material;
  create.quantity = task.quantity;
  create.unit = task.unit.empty() && known != nullptr ? known->unit : task.unit;
  create.type = po::Type::rework;
  millrace::material::ComponentT input;
  input.material = create.material;
  input.quantity = decimal::from_units(1);
  input.unit = create.unit;
  create.components.push_back(std::move(input));
  const auto id = std::string(s.ctx.id()) + '-' + std::to_string(task.task);
  mark_asked(s, task.task, "order/" + id);
  s.d.ask<po::schema>(id, create, tag_of(task.task));
}

void unblock(step& s, const nc::TaskT& task) {
  lot::TransferStockT move;
  move.quantity = task.quantity;
  move.unit = task.unit;
  move.from_stock = lot::StockType::blocked;
  move.to_stock = lot::StockType::unrestricted;
  move.document = s.ctx.id();
  move.reason = s.next.title;
  mark_asked(s, task.task);
  s.d.ask<lot::schema>(task.batch, move, tag_of(task.task), Lane::hold);
}

/// The movement's id at the lot, and the hold whose disposition it is.
std::string posting_of(const step& s, const nc::TaskT& task) {
  const auto base =
      s.next.hold.empty() ? std::string(s.ctx.id()) : s.next.hold;  // anew when reopened
  return base + '~' + std::to_string(task.task);
}
std::string hold_on(const nc::StateT& state, const std::string& batch) {
  for (const auto& one : state.affected)
    if (one.batch == batch && one.hold == nc::HoldState::placed) return state.hold;
  return {};
}

/// Asks the lot to post what the task disposes of, blocked and held as it is.
template <class Move>
void ask_lot(step& s, const nc::TaskT& task, Move move) {
  mark_asked(s, task.task, "posting/" + posting_of(s, task));
  move.posting = posting_of(s, task);
  move.quantity = task.quantity;
  move.unit = task.unit;
  move.stock = lot::StockType::blocked;
  move.document = task.document;
  move.reason = s.next.title;
  move.hold = hold_on(s.next, task.batch);
  s.d.ask<lot::schema>(task.batch, move, tag_of(task.task), Lane::hold);
}

/// Scrap (555), return and rejection (122): the lot posts it, held as it is. What names no lot, or
/// no document of the receipt, is posted outside and completed by who did.
void dispose(step& s, const nc::TaskT& task) {
  if (task.batch.empty() || (task.movement == "122" && task.document.empty())) return;
  lot::PostMovementT move;
  move.movement = task.movement;
  ask_lot(s, task, std::move(move));
}

/// 309: a lot of the other material, which inherits the hold until it goes.
void regrade(step& s, const nc::TaskT& task) {
  if (task.batch.empty() || task.target_material.empty()) return;
  lot::RegradeT move;
  move.batch =
      task.target_batch.empty() ? task.batch + '~' + std::string(s.ctx.id()) : task.target_batch;
  move.material = task.target_material;
  ask_lot(s, task, std::move(move));
}

void start(step& s, const nc::TaskT& task) {
  switch (task.kind) {
    case TaskKind::rework:
      return create_order(s, task);
    case TaskKind::release_hold:
      mark_asked(s, task.task);
      return release_hold(s, task.batch);
    case TaskKind::unblock:
      return unblock(s, task);
    case TaskKind::dispose:
      return task.disposition == Disposition::regrade ? regrade(s, task) : dispose(s, task);
  }
}

}  // namespace

void start_ready(step& s) {
  const auto tasks = s.next.tasks;
  for (const auto& task : tasks)
    if (task.status == TaskStatus::open && ready(s.next, task)) start(s, task);
}

made execute(step& s) {
  if (auto no = unless(s, {nc::Status::dispositioned})) return std::move(*no);
  nc::ExecutionBegunT event;
  event.tasks = tasks_of(s);
  s.emit(std::move(event));
  start_ready(s);
  return s.done();
}

made complete_task(step& s, const nc::CompleteTaskT& c) {
  if (auto no = unless(s, {nc::Status::executing})) return std::move(*no);
  const auto* task = find_task(s.next, c.task);
  if (task == nullptr)
    return made::refuse(nc::Refusal::task_unknown,
                        "There is no task " + std::to_string(c.task) + '.');
  // What a lot is asked it does itself; a rework order is asked too, and somebody has to finish it.
  const bool with_lot = task->kind == TaskKind::release_hold ||
                        (task->status == TaskStatus::asked && task->kind != TaskKind::rework);
  if (task->status == TaskStatus::done || with_lot || !ready(s.next, *task))
    return made::refuse(
        nc::Refusal::task_not_ready,
        "Task " + std::to_string(c.task) +
            (task->status == TaskStatus::done ? " is done." : " is not for others to complete."));
  mark_ended(s, c.task, c.reference, who_of(s.ctx, c.person));
  start_ready(s);
  return s.done();
}

made retry_task(step& s, const nc::RetryTaskT& c) {
  if (auto no = unless(s, {nc::Status::executing})) return std::move(*no);
  const auto* task = find_task(s.next, c.task);
  if (task == nullptr)
    return made::refuse(nc::Refusal::task_unknown,
                        "There is no task " + std::to_string(c.task) + '.');
  if (task->status != TaskStatus::failed)
    return made::refuse(nc::Refusal::task_not_ready,
                        "Task " + std::to_string(c.task) + " has not failed.");
  start(s, nc::TaskT(*task));
  return s.done();
}

made task_answered(step& s, std::string_view number, const answer& a) {
  std::uint32_t n = 0;
  std::from_chars(number.data(), number.data() + number.size(), n);
  const auto* task = find_task(s.next, n);
  if (task == nullptr || task->status != TaskStatus::asked) return s.done();
  if (task->kind == TaskKind::rework && a.granted())
    return s.done();  // the order is there; somebody completes the task when it is done
  const auto by = std::string(a.from);
  mark_ended(s, n, task->reference.empty() ? by : task->reference, by,
             a.granted() ? std::string() : std::string(a.code));
  start_ready(s);
  return s.done();
}

void hold_given_back(step& s, const std::string& batch, const std::string& failure) {
  if (s.next.status != nc::Status::executing) return;
  for (const auto& task : s.next.tasks) {
    if (task.kind != TaskKind::release_hold || task.batch != batch ||
        task.status != TaskStatus::asked)
      continue;
    mark_ended(s, task.task, "batch/" + batch, "batch/" + batch, failure);
    break;
  }
  start_ready(s);
}

}  // namespace millrace::actors::nonconformances
