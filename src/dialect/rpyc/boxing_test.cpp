#include "dialect/rpyc/boxing.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "wire/value.h"

namespace sinew::dialect::rpyc {
namespace {

using wire::Opaque;
using wire::Value;

/// Values, and opaques as objects: those below 1000 are ours, those from 1000 on are proxies of the
/// peer's, whose number there is 1000 less. Two of these, `mirror`ed, understand each other.
class ReferringModel : public wire::ValueModel {
 public:
  bool is_import(Ref ref) const { return ref->opaque().id >= 1000; }
  void write_import_id(Ref ref, Writer& out) const { write_id(out, ref->opaque().id - 1000); }
  Result<void> write_export_id(Ref ref, Writer& out) {
    if (exports.size() >= max_exports) return fail(Errc::kTooManyExports);
    ++exports[ref->opaque().id];
    write_id(out, ref->opaque().id);
    return {};
  }
  Handle import_object(const object::ObjectIdView& id) {
    if (id.name == "refuse.Me") return {};
    return Value(Opaque{static_cast<std::uint64_t>(id.instance_id) + 1000, {}});
  }
  Handle exported_object(const object::ObjectIdView& id) const {
    const auto number = static_cast<std::uint64_t>(id.instance_id);
    return exports.contains(number) ? Handle(Value(Opaque{number, {}})) : Handle();
  }

  std::map<std::uint64_t, int> exports;
  std::size_t max_exports = 100;

 private:
  static void write_id(Writer& out, std::uint64_t number) {
    write_object_id(out, {"test.Object", 7, static_cast<std::int64_t>(number)});
  }
};

static_assert(ReferenceModel<ReferringModel>);

Value object(std::uint64_t id) { return Opaque{id, {}}; }
Value tuple(std::vector<Value> items) { return Value::tuple(std::move(items)); }

class BoxingTest : public ::testing::Test {
 protected:
  std::string boxed(const Value& value) {
    Writer out;
    const auto result = box(ours_, &value, out, limits_);
    if (!result) return "error: " + std::string(describe(result.error()));
    return std::string(as_text(out.copied()));
  }

  static Label label_of(const std::string& bytes) {
    Reader in(as_bytes(bytes));
    return read_label(in).value();
  }

  // What the peer makes of a box.
  std::string unboxed(const std::string& bytes) {
    Reader in(as_bytes(bytes));
    const auto value = unbox(theirs_, in, limits_);
    if (!value) return "error: " + std::string(describe(value.error()));
    EXPECT_TRUE(in.empty());
    return wire::to_text(**value);
  }

  ReferringModel ours_;
  ReferringModel theirs_;
  wire::BrineLimits limits_;
};

TEST_F(BoxingTest, ValuesTravelAsValues) {
  for (const Value& value :
       {Value(), Value(true), Value(5), Value("text"), tuple({1, 2, tuple({})}),
        Value::slice(1, Value(), 3), Value::frozen_set({1, 2})}) {
    const std::string bytes = boxed(value);
    EXPECT_EQ(label_of(bytes), Label::kValue);
    EXPECT_EQ(unboxed(bytes), wire::to_text(value));
  }
  EXPECT_TRUE(ours_.exports.empty());
}

TEST_F(BoxingTest, AnObjectTravelsAsAReferenceAndIsCounted) {
  EXPECT_EQ(label_of(boxed(object(5))), Label::kRemoteRef);
  EXPECT_EQ(unboxed(boxed(object(5))), "<opaque 1005>");
  EXPECT_EQ(ours_.exports[5], 2);
}

TEST_F(BoxingTest, AProxyReturnsHomeAsTheObjectItself) {
  theirs_.exports[5] = 1;
  EXPECT_EQ(label_of(boxed(object(1005))), Label::kLocalRef);
  EXPECT_EQ(unboxed(boxed(object(1005))), "<opaque 5>");
}

TEST_F(BoxingTest, AReferenceToWhatIsNotExportedIsRefused) {
  EXPECT_EQ(unboxed(boxed(object(1005))), "error: " + std::string(describe(Errc::kUnknownObject)));
}

TEST_F(BoxingTest, ATupleWithAnObjectIsATupleOfBoxes) {
  const std::string bytes = boxed(tuple({1, object(5), tuple({"x", object(6)}), tuple({2, 3})}));
  EXPECT_EQ(label_of(bytes), Label::kTuple);
  EXPECT_EQ(unboxed(bytes), "(1, <opaque 1005>, ('x', <opaque 1006>), (2, 3))");
}

TEST_F(BoxingTest, AnExportInATupleIsCountedOnce) {
  boxed(tuple({tuple({tuple({object(5)})}), 1, "text"}));
  EXPECT_EQ(ours_.exports[5], 1) << "the attempts by value must count nothing";
}

TEST_F(BoxingTest, ContainersWithoutABoxOfTheirOwnTravelByReference) {
  // A slice or a frozen set with an object inside is one object for the peer; in this model only
  // opaques can be exported, so what is seen is that boxing gets there.
  Writer out;
  const Value value = Value::slice(object(5), Value(), Value());
  EXPECT_THROW(static_cast<void>(box(ours_, &value, out, limits_)), std::bad_variant_access);
}

TEST_F(BoxingTest, DeepTuplesAreRefusedBothWays) {
  Value deep = object(5);
  for (int i = 0; i < 5; ++i) deep = tuple({deep});
  limits_.max_depth = 5;
  const std::string bytes = boxed(deep);
  EXPECT_EQ(unboxed(bytes), "(((((<opaque 1005>,),),),),)");
  limits_.max_depth = 4;
  EXPECT_EQ(unboxed(bytes), "error: " + std::string(describe(Errc::kTooDeep)));
  EXPECT_EQ(boxed(deep), "error: " + std::string(describe(Errc::kTooDeep)));
}

// Counts the room that tuples were given before their items came.
class CountingModel : public ReferringModel {
 public:
  TupleBuilder begin_tuple(std::size_t count) {
    room += count;
    return ReferringModel::begin_tuple(count);
  }
  std::size_t room = 0;
};

TEST_F(BoxingTest, NestedTuplesCannotClaimTheSameBytes) {
  constexpr std::size_t kBytes = 100'000;
  Writer out;
  for (int depth = 0; depth < 100; ++depth) {
    write_label(out, Label::kTuple);
    wire::write_tuple_header(out, kBytes - 1000);
  }
  std::string bytes(as_text(out.copied()));
  bytes.append(kBytes, '\0');
  CountingModel model;
  Reader in(as_bytes(bytes));
  EXPECT_EQ(unbox(model, in, limits_).error(), Errc::kTruncated);
  EXPECT_LE(model.room, kBytes / kLeastBox);
}

TEST_F(BoxingTest, AValueInsideCannotClaimTheBytesOfItsNeighbours) {
  constexpr std::size_t kBytes = 30'000;
  for (const bool by_items : {false, true}) {
    Writer out;
    write_label(out, Label::kTuple);
    wire::write_tuple_header(out, kBytes / kLeastBox);
    write_label(out, Label::kValue);
    wire::write_tuple_header(out, 1000);
    std::string bytes(as_text(out.copied()));
    bytes.append(kBytes, '\0');
    CountingModel model;
    Reader in(as_bytes(bytes));
    const auto read = [&] {
      return by_items ? ItemReader::of_box(in)->next(model, limits_) : unbox(model, in, limits_);
    };
    EXPECT_EQ(read().error(), Errc::kTruncated);
    EXPECT_LE(model.room, kBytes / kLeastBox);
  }
}

TEST_F(BoxingTest, ArgumentsInsideArgumentsCannotClaimTheSameBytes) {
  constexpr std::size_t kBytes = 30'000;
  Writer out;
  write_label(out, Label::kValue);
  for (const std::size_t count : {kBytes - 100, std::size_t{1}, kBytes - 200}) {
    wire::write_tuple_header(out, count);
  }
  std::string bytes(as_text(out.copied()));
  bytes.append(kBytes, '\0');
  CountingModel model;
  Reader in(as_bytes(bytes));
  auto outer = ItemReader::of_box(in);
  ASSERT_TRUE(outer);
  auto inner = outer->next_items();
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->next(model, limits_).error(), Errc::kTruncated);
  EXPECT_EQ(model.room, 0u);
}

TEST_F(BoxingTest, AsManyTuplesAsThereAreBytesForAreRead) {
  Value deep = object(5);
  for (int i = 0; i < 50; ++i) deep = tuple({deep, 1, object(6)});
  EXPECT_EQ(unboxed(boxed(deep)).find("error: "), std::string::npos);
}

TEST_F(BoxingTest, TheLimitOfExportsIsAnError) {
  ours_.max_exports = 1;
  EXPECT_EQ(boxed(tuple({object(1), object(2)})),
            "error: " + std::string(describe(Errc::kTooManyExports)));
}

TEST_F(BoxingTest, BrokenBoxesAreRefused) {
  const auto error = [](Errc errc) { return "error: " + std::string(describe(errc)); };
  Writer unknown_label;
  wire::write_tuple_header(unknown_label, 2);
  wire::write_int(unknown_label, 5);
  wire::write_int(unknown_label, 0);
  EXPECT_EQ(unboxed(std::string(as_text(unknown_label.copied()))), error(Errc::kUnknownLabel));
  const std::string good = boxed(tuple({1, object(5)}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(unboxed(good.substr(0, size)).find("error: "), 0u) << size;
  }
  Writer refused;
  write_label(refused, Label::kRemoteRef);
  write_object_id(refused, {"refuse.Me", 1, 2});
  EXPECT_EQ(unboxed(std::string(as_text(refused.copied()))), error(Errc::kModelFailed));
  Writer not_an_id;
  write_label(not_an_id, Label::kRemoteRef);
  wire::write_int(not_an_id, 5);
  EXPECT_EQ(unboxed(std::string(as_text(not_an_id.copied()))), error(Errc::kWrongType));
}

TEST_F(BoxingTest, ItemsNeedNoTupleToBeBoxedAsOne) {
  const std::vector<Value> items{Value(1), object(5)};
  Writer out;
  ASSERT_TRUE(
      box_items(ours_, items.size(), [&](std::size_t i) { return &items[i]; }, out, limits_));
  EXPECT_EQ(std::string(as_text(out.copied())), boxed(tuple({1, object(5)})));
}

TEST_F(BoxingTest, ArgumentsAreReadOneByOneFromEitherForm) {
  for (const bool by_value : {true, false}) {
    const std::string bytes =
        boxed(tuple({"name", 42, tuple({1, 2}), by_value ? Value("end") : object(5)}));
    EXPECT_EQ(label_of(bytes), by_value ? Label::kValue : Label::kTuple);
    Reader in(as_bytes(bytes));
    auto items = ItemReader::of_box(in);
    ASSERT_TRUE(items);
    EXPECT_EQ(items->remaining(), 4u);
    EXPECT_EQ(items->next_text(), "name");
    EXPECT_EQ(items->next_int(), 42);
    auto nested = items->next_items();
    ASSERT_TRUE(nested);
    EXPECT_EQ(nested->next_int(), 1);
    EXPECT_EQ(nested->next_int(), 2);
    EXPECT_EQ(nested->next_int().error(), Errc::kTruncated);
    const auto last = items->next(theirs_, limits_);
    ASSERT_TRUE(last);
    EXPECT_EQ(wire::to_text(**last), by_value ? "'end'" : "<opaque 1005>");
    EXPECT_EQ(items->next(theirs_, limits_).error(), Errc::kTruncated);
  }
}

TEST_F(BoxingTest, AnIdIsReadByValueAndAsAReference) {
  Writer id;
  write_object_id(id, {"test.Object", 7, 5});
  theirs_.exports[5] = 1;
  const Value by_value = tuple({tuple({"test.Object", 7, 5})});
  const Value by_reference = tuple({object(1005)});
  for (const Value* value : {&by_value, &by_reference}) {
    const std::string bytes = boxed(*value);
    Reader in(as_bytes(bytes));
    auto items = ItemReader::of_box(in);
    ASSERT_TRUE(items);
    const auto read = items->next_id();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, "test.Object");
    EXPECT_EQ(read->instance_id, 5);
  }
}

TEST_F(BoxingTest, ArgumentsThatAreNoTupleAreRefused) {
  const std::string bytes = boxed(object(5));
  Reader in(as_bytes(bytes));
  EXPECT_EQ(ItemReader::of_box(in).error(), Errc::kWrongType);
}

}  // namespace
}  // namespace sinew::dialect::rpyc
