// Makes envelopes of CSV rows. A cell is text whatever it holds, so the mapping's type says how to
// read it, and a cell that can't be read so rejects its row with the column's name. An empty cell
// says nothing: it neither sets nor removes anything.

#include "ingest/sources/csv/csv.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/big_endian.h"
#include "base/number.h"
#include "base/text.h"
#include "ingest/items/identity.h"
#include "ingest/items/item.h"
#include "ingest/items/properties.h"
#include "ingest/items/typing.h"
#include "model/json.h"
#include "model/padding.h"
#include "model/time.h"
#include "model/whole_number.h"

namespace freshet::ingest {
namespace {

constexpr size_t npos = std::string_view::npos;
constexpr std::string_view kFormulaStarts = "+-=@";

std::string column_text(const CsvColumn& column) { return "column \"" + column.column + "\": "; }

std::optional<model::TimeUs> time_of_epoch(std::string_view text, double scale_us) {
  const auto number = to_number<double>(text);
  if (!number) return std::nullopt;
  const double us = *number * scale_us;
  // Written so that NaN, which compares with nothing, is refused too.
  if (!(us >= static_cast<double>(model::kTimeMin)) || !(us <= static_cast<double>(model::kTimeMax)))
    return std::nullopt;
  return static_cast<model::TimeUs>(std::llround(us));
}

std::optional<model::TimeUs> time_of_cell(std::string_view text, const std::string& format) {
  if (format == "epoch_s") return time_of_epoch(text, 1e6);
  if (format == "epoch_ms") return time_of_epoch(text, 1e3);
  if (format.empty() || format == "iso8601") return model::parse_time(text);
  return model::parse_time_format(text, format);
}

// Spreadsheets take "00123" for a number and 0's away, so tools that write for them make a formula of it: ="00123".
std::string_view without_formula(std::string_view text) {
  const std::string_view bare = trim(text);
  return bare.size() >= 3 && bare.starts_with("=\"") && bare.ends_with('"') ? bare.substr(2, bare.size() - 3) : text;
}

// Tools that write for spreadsheets put an apostrophe in front of what those would take for a number or a formula.
std::string_view without_apostrophe(std::string_view text) {
  const bool mark =
      text.size() > 1 && text.front() == '\'' && (is_digit(text[1]) || kFormulaStarts.find(text[1]) < npos);
  return mark && !text.ends_with('\'') ? text.substr(1) : text;
}

// A column of whole numbers with a gap is one of fractions to tools that make tables, and 123 becomes 123.0 there, and
// a long one 1.2345678E+7.
std::string_view identifier_of_cell(std::string_view cell, std::string& storage) {
  const std::string_view bare = without_apostrophe(model::without_padding(without_formula(cell)));
  if (auto whole = model::whole_number_of_power(bare)) return storage = std::move(*whole);
  return model::without_point_zero(bare);
}

bool is_blank(std::string_view cell) { return model::without_padding(cell).empty(); }

// One row on its way. Each of its functions passes a rejection on.
class RowWriter {
 public:
  RowWriter(const CsvPlan& plan, Item& item, std::string& properties)
      : plan_(plan), item_(item), properties_(properties) {}

  Outcome write(const CsvRow& row) {
    if (!row.code.empty()) return item_.reject(row.code, std::string(row.message));
    // Spreadsheets write the cells beside the table, too, if anything has ever stood there.
    const size_t cells = plan_.cells.size();
    const bool fits = row.fields.size() == cells || (row.fields.size() > cells && are_blank(row, cells));
    if (!fits) {
      return item_.reject("wrong_cell_count", "the row has " + std::to_string(row.fields.size()) +
                                                  " cells, the header has " + std::to_string(plan_.cells.size()));
    }
    if (repeats_header(row))
      return item_.reject("repeated_header", "the row is the header again: files that were put together have one each");
    // The row is read twice: its values depend on its time, its owner and its event, which may
    // stand in any column.
    for (size_t i = 0; i < cells; ++i) FRESHET_ITEM(read_head(plan_.cells[i], row.fields[i]));
    FRESHET_ITEM(finish_identifiers(item_));
    const model::TimeUs received = item_.context.received_at_us;
    item_.envelope.set_time_us(model::correct_clock(time_, std::nullopt, received));
    item_.envelope.set_kind(kind());
    if (plan_.kind == CsvKind::kEvents) FRESHET_ITEM(start_event());
    for (size_t i = 0; i < cells; ++i) FRESHET_ITEM(read_value(plan_.cells[i], row.fields[i]));
    if (event_ != nullptr && !properties_.empty()) {
      properties_ += '}';
      event_->set_properties(properties_);
    }
    return Outcome::kOk;
  }

  // Whether there is nothing in the cells from this one on.
  static bool are_blank(const CsvRow& row, size_t from) {
    return std::all_of(row.fields.begin() + static_cast<std::ptrdiff_t>(from), row.fields.end(), is_blank);
  }

 private:
  [[nodiscard]] bool repeats_header(const CsvRow& row) const {
    const auto is_name = [](const CsvPlan::Cell& cell, std::string_view text) { return text == cell.column.column; };
    return std::equal(plan_.cells.begin(), plan_.cells.end(), row.fields.begin(), is_name);
  }

  [[nodiscard]] v1::Envelope::Kind kind() const {
    switch (plan_.kind) {
      case CsvKind::kUsers: return v1::Envelope::IDENTIFY;
      case CsvKind::kEvents: return v1::Envelope::TRACK;
      case CsvKind::kDevices: return v1::Envelope::DEVICE;
    }
    return v1::Envelope::TRACK;
  }

  // Reads whose the row is, when it happened and which event it is: what the values depend on.
  Outcome read_head(const CsvPlan::Cell& cell, std::string_view text) {
    switch (cell.column.use) {
      case CsvUse::kIdentifier:
        if (!is_blank(text))
          add_identifier(item_, cell.entity, cell.column.name, identifier_of_cell(text, identifier_));
        return Outcome::kOk;
      case CsvUse::kTimestamp: {
        const std::string_view bare = model::without_padding(text);
        if (bare.empty()) return Outcome::kOk;
        time_ = time_of_cell(bare, cell.column.format);
        return time_ ? Outcome::kOk : bad_time(cell.column);
      }
      case CsvUse::kEvent: event_name_ = model::without_padding(text); return Outcome::kOk;
      default: return Outcome::kOk;
    }
  }

  Outcome start_event() {
    const std::string_view name = plan_.event.empty() ? event_name_ : std::string_view(plan_.event);
    FRESHET_ITEM(set_event(item_, name, event_));
    event_->set_time_us(item_.envelope.time_us());
    properties_.clear();
    return Outcome::kOk;
  }

  Outcome bad_time(const CsvColumn& column) {
    const std::string format = column.format.empty() ? "iso8601, epoch_s or epoch_ms" : column.format;
    return item_.reject("bad_time", column_text(column) + "the cell is not a time of the format " + format,
                        column.column);
  }

  Outcome read_value(const CsvPlan::Cell& cell, std::string_view text) {
    FRESHET_ASSERT(cell.column.use != CsvUse::kProperty || event_ != nullptr);  // the mapping's kind is events
    if (cell.column.use != CsvUse::kProperty && cell.column.use != CsvUse::kAttribute) return Outcome::kOk;
    if (text.empty()) return Outcome::kOk;
    value_.Clear();
    json_number_ = {};
    bool left_out = false;
    FRESHET_ITEM(convert(cell.column, text, left_out));
    if (left_out) return Outcome::kOk;
    FRESHET_ITEM(check_schema(cell.column, left_out));
    if (left_out) return Outcome::kOk;
    if (cell.column.use == CsvUse::kProperty) {
      add_property(cell);
    } else {
      add_attribute(cell);
    }
    return Outcome::kOk;
  }

  // Text keeps its blanks, they may be meant; around a number or a time they are never meant.
  Outcome convert(const CsvColumn& column, std::string_view text, bool& left_out) {
    const std::string_view bare = column.type == CsvType::kString ? text : model::without_padding(text);
    left_out = bare.empty();
    if (left_out) return Outcome::kOk;
    switch (column.type) {
      case CsvType::kString: return convert_string(bare, left_out);
      case CsvType::kNumber: return convert_number(column, bare);
      case CsvType::kBoolean: return convert_boolean(column, bare);
      case CsvType::kTime: {
        const auto time = time_of_cell(bare, column.format);
        if (!time) return bad_time(column);
        value_.set_time_us(*time);
        return Outcome::kOk;
      }
    }
    return Outcome::kOk;
  }

  Outcome convert_string(std::string_view text, bool& left_out) {
    left_out = !limit_text(item_, text);
    value_.set_text(text.data(), text.size());
    return Outcome::kOk;
  }

  Outcome convert_number(const CsvColumn& column, std::string_view text) {
    // A leading + is common in exports and is no JSON, so it is read and not copied.
    const std::string_view unsigned_text = text.starts_with('+') ? text.substr(1) : text;
    const auto number = to_number<double>(unsigned_text);
    if (!number || !std::isfinite(*number)) {
      return item_.reject("bad_number", column_text(column) + "the cell is not a number, such as 12 or -3.5",
                          column.column);
    }
    put_number(unsigned_text, *number, value_);
    if (schema::is_json_number(text)) json_number_ = text;  // keeps all digits, so that sums are exact
    return Outcome::kOk;
  }

  Outcome convert_boolean(const CsvColumn& column, std::string_view text) {
    const auto flag = flag_of(text);
    if (!flag) {
      return item_.reject("bad_boolean", column_text(column) + "the cell is neither true nor false (also 1/0, yes/no)",
                          column.column);
    }
    value_.set_boolean(*flag);
    return Outcome::kOk;
  }

  Outcome check_schema(const CsvColumn& column, bool& left_out) {
    const bool property = column.use == CsvUse::kProperty;
    const schema::Subject subject = property                          ? schema::Subject::kEventAttribute
                                    : plan_.kind == CsvKind::kDevices ? schema::Subject::kDeviceAttribute
                                                                      : schema::Subject::kUserAttribute;
    const std::string where = column_text(column);
    const Question question{subject, property ? std::string_view(event_->name()) : std::string_view{}, column.name,
                            schema_type(column.type), where};
    Advice advice;
    FRESHET_ITEM(ask_schema(item_, question, advice));
    left_out = !advice.kept;
    if (!advice.converts) return Outcome::kOk;
    FRESHET_ITEM(convert_scalar(item_, question, advice, text_of_value(), converted_));
    bool kept = true;
    value_.Clear();
    put_scalar(item_, converted_, value_, kept);
    left_out = !kept;
    json_number_ = {};
    if (converted_.type == schema::Type::kNumber && !converted_.alone_in_list &&
        schema::is_json_number(converted_.text))
      json_number_ = converted_.text;
    return Outcome::kOk;
  }

  // As schema::coerced() wants it.
  [[nodiscard]] std::string text_of_value() const {
    if (value_.has_text()) return value_.text();
    if (value_.has_time_us()) return model::format_time(value_.time_us());
    if (!json_number_.empty()) return std::string(json_number_);
    std::string text;
    model::append_json_value(text, value_);
    return text;
  }

  [[nodiscard]] static schema::Type schema_type(CsvType type) {
    switch (type) {
      case CsvType::kString: return schema::Type::kText;
      case CsvType::kNumber: return schema::Type::kNumber;
      case CsvType::kBoolean: return schema::Type::kBoolean;
      case CsvType::kTime: return schema::Type::kTime;
    }
    return schema::Type::kText;
  }

  void add_property(const CsvPlan::Cell& cell) {
    properties_ += properties_.empty() ? '{' : ',';
    properties_ += cell.json_key;
    if (json_number_.empty()) {
      model::append_json_value(properties_, value_);
    } else {
      properties_ += json_number_;
    }
  }

  void add_attribute(const CsvPlan::Cell& cell) {
    v1::AttributeOp& op =
        plan_.kind == CsvKind::kDevices ? *item_.envelope.add_device_attributes() : *item_.envelope.add_attributes();
    op.set_type(v1::AttributeOp::SET);
    op.set_name(cell.column.name);
    *op.mutable_value() = value_;
  }

  const CsvPlan& plan_;
  Item& item_;
  std::string& properties_;
  std::optional<model::TimeUs> time_;
  std::string_view event_name_;
  v1::Event* event_ = nullptr;
  v1::Value value_;
  Scalar converted_;              // what value_ was made of, if it was of another type than its name has
  std::string identifier_;        // what a cell says of one, where that is not the cell's text
  std::string_view json_number_;  // the text of value_, if that is a number as JSON writes it
};

}  // namespace

std::string csv_message_id(const CsvSource& source, uint64_t row, const Hash128& mapping_hash) {
  // The parts have fixed lengths but for the last one, so two different imports never hash the same
  // bytes.
  std::string number;
  append_big_endian(number, row);
  std::string all(mapping_hash.view());
  all.append(number).append(source.content_hash);
  // Of rows of one instant the last one counts, and what decides between them is the id: so it begins with the row.
  return to_hex(number) + hash128(all).hex();
}

void add_csv_row(const CsvPlan& plan, const CsvSource& source, const CsvRow& row, const AdapterContext& context,
                 google::protobuf::Arena& arena, CsvBatch& batch) {
  // The row's place in the file, not its content, makes the id: two equal rows are two events.
  Item item(context, batch.parsed, arena, kCsvSource, batch.parsed.item_count++, row.raw);
  batch.lines.push_back(row.line);
  item.envelope.set_message_id(csv_message_id(source, row.row, plan.mapping_hash));
  item.envelope.set_ledger(source.ledger);
  Outcome outcome = RowWriter(plan, item, properties_buffer()).write(row);
  end_item(item, outcome, row.raw);
}

void read_csv_rows(const CsvPlan& plan, const CsvSource& source, std::string_view& data, bool last, size_t rows_max,
                   CsvCursor& cursor, const AdapterContext& context, google::protobuf::Arena& arena, CsvBatch& batch) {
  CsvRow row;
  for (size_t rows = 0; rows < rows_max && next_csv_row(data, last, cursor, row); ++rows) {
    // A row of commas is a blank line that a spreadsheet has been through.
    if (row.code.empty() && RowWriter::are_blank(row, 0)) continue;
    add_csv_row(plan, source, row, context, arena, batch);
    FRESHET_ASSERT(batch.lines.size() == batch.parsed.item_count);
  }
}

}  // namespace freshet::ingest
