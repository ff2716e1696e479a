// Compiles small schemas with flatc while a test runs, so that a test can show a schema that the
// tree must not contain. One kind, "widget", in a text that tests change at one place.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "schemas/model.hpp"

namespace millrace::test {

/// A directory of its own that goes with the object.
class temporary_directory {
 public:
  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "millrace-schema-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The binary schema of `text`, compiled with the options of the build.
inline bytes compile_schema(const std::string& text) {
  const temporary_directory dir;
  std::ofstream(dir.path() / "all.fbs") << text;
  const auto command =
      "flatc --schema --binary --bfbs-comments --bfbs-builtins --no-warnings "
      "-I " MILLRACE_SOURCE_DIR " -o " +
      dir.path().string() + " " + (dir.path() / "all.fbs").string();
  BOOST_REQUIRE_MESSAGE(std::system(command.c_str()) == 0, "flatc refuses:\n" + text);
  std::ifstream in(dir.path() / "all.bfbs", std::ios::binary);
  return bytes(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

/// `text` with the first `from` made `to`; `from` must be there.
inline std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, "no \"" + std::string(from) + "\" in the schema");
  return text.replace(at, from.size(), to);
}

inline const std::string widget_schema = R"(
include "schemas/common.fbs";
namespace millrace.widget;
enum Life : ubyte { created = 0, sold = 1 }
enum Sign : byte { minus = -1, plus = 1 }
table Part (row:"parts") { name:string (id:0); }
table Item { name:string (id:0, required, actor_id); count:int (id:1, minimum:"1"); items:[Item] (id:2); }
table Box { weight:millrace.Decimal (native_inline, id:0); }
table Bag { note:string (id:0); }
union Pack { Box, Bag }
table State (kind:"widget", collection:"widgets", domain:"production", steward:"the workshop", referenced) {
  material:string (id:0, index);
  life:Life (id:1, index);
  quantity:millrace.Decimal (native_inline, id:2, unit:"unit");
  unit:string (id:3);
  made_at:millrace.Time (native_inline, id:4);
  limit_low:millrace.Decimal (id:5);
  parts:[Item] (id:6);
  last:string (id:7);
}
/// Makes a widget.
table MakeWidget (owner:"erp, mes", creates, priority:"release") {
  material:string (id:0, required, reference:"widget");
  quantity:millrace.Decimal (native_inline, id:1, required, unit:"unit", exclusive_minimum:"0");
  unit:string (id:2, required);
  note:string (id:3, max_length:10);
  items:[Item] (id:4, max_length:3);
  sign:Sign = plus (id:5);
  small:byte (id:6);
  big:ulong (id:7);
  ratio:double (id:8);
  flag:bool = true (id:9);
  at:millrace.Time (native_inline, id:10);
  low:millrace.Decimal (id:11);
  tags:[string] (id:12, max_length:4);
  weights:[millrace.Decimal] (id:13);
  digest:millrace.Hash128 (native_inline, id:14);
  digests:[millrace.Hash128] (id:15);
  maybe:int = null (id:16);
  box:Pack (id:18);
  signs:[Sign] (id:19);
  numbers:[ushort] (id:20);
  times:[millrace.Time] (id:21);
  flags:[bool] (id:22);
}
table ReportSale (owner:"any", fact) {}
table Recount (internal) { deep:Item (id:0); }
union Command { MakeWidget, ReportSale, Recount }
table WidgetMade (event:"production.widget.made.v1") { material:string (id:0); quantity:millrace.Decimal (native_inline, id:1); }
table WidgetSold (event:"production.widget.sold.v1") {}
union Event { WidgetMade, WidgetSold }
table TellErp (delivery:"production.widget.tell.v1") { text:string (id:0); }
union Delivery { TellErp }
enum Refusal : ushort {
  /// The widget exists
  exists = 1,
  /// The widget is sold
  sold = 2
}
)";

/// A model and the bytes that it stands on.
struct loaded_schema {
  bytes binary;
  std::shared_ptr<const schema_model> model;
};

inline loaded_schema load_schema(const std::string& text) {
  loaded_schema made{compile_schema(text), nullptr};
  auto loaded = schema_model::load(made.binary);
  if (!loaded)
    for (const auto& f : loaded.error().findings) BOOST_TEST_MESSAGE(f.pointer + ": " + f.detail);
  BOOST_REQUIRE(loaded);
  made.model = *loaded;
  return made;
}

}  // namespace millrace::test
