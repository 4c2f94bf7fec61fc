#include "lookahead.h"

#include <frameobject.h>
#include <opcode.h>

namespace sinew::python {
namespace {

// One bytecode instruction: an opcode and its argument, of which only the low byte is needed here.
struct Instruction {
  unsigned opcode;
  unsigned argument;
  int offset;  // in bytes, from the start of the code
};

constexpr int kUnitSize = 2;  // bytes of an instruction: opcode, argument

// The instructions of a code object as they are being run (from 3.11 on: with specialised
// opcodes and the caches behind them).
const unsigned char* code_bytes(PyCodeObject* code) noexcept {
#if PY_VERSION_HEX >= 0x030B0000
  return reinterpret_cast<const unsigned char*>(code->co_code_adaptive);
#else
  return reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(code->co_code));
#endif
}

Instruction instruction_at(const unsigned char* code, int offset) noexcept {
  return {code[offset], code[offset + 1], offset};
}

#if PY_VERSION_HEX >= 0x030C0000

// From 3.12 LOAD_ATTR loads methods too: the lowest bit of its argument says so, the name's index
// is above it. The instruction may have been specialised for another type at this place before.
bool is_method_load(const Instruction& instruction) noexcept {
  switch (instruction.opcode) {
    case LOAD_ATTR:
    case LOAD_ATTR_INSTANCE_VALUE:
    case LOAD_ATTR_MODULE:
    case LOAD_ATTR_WITH_HINT:
    case LOAD_ATTR_SLOT:
    case LOAD_ATTR_CLASS:
    case LOAD_ATTR_PROPERTY:
    case LOAD_ATTR_METHOD_WITH_VALUES:
    case LOAD_ATTR_METHOD_NO_DICT:
    case LOAD_ATTR_METHOD_LAZY_DICT: return (instruction.argument & 1) != 0;
    default: return false;
  }
}
constexpr int kNameShift = 1;

#elif PY_VERSION_HEX >= 0x030B0000

bool is_method_load(const Instruction& instruction) noexcept {
  switch (instruction.opcode) {
    case LOAD_METHOD:
    case LOAD_METHOD_ADAPTIVE:
    case LOAD_METHOD_CLASS:
    case LOAD_METHOD_MODULE:
    case LOAD_METHOD_NO_DICT:
    case LOAD_METHOD_WITH_DICT:
    case LOAD_METHOD_WITH_VALUES: return true;
    default: return false;
  }
}
constexpr int kNameShift = 0;

#else

bool is_method_load(const Instruction& instruction) noexcept {
  return instruction.opcode == LOAD_METHOD;
}
constexpr int kNameShift = 0;

#endif

// Where in its code the frame is, in bytes; negative when it has not started.
int current_offset(PyFrameObject* frame) noexcept {
#if PY_VERSION_HEX >= 0x030B0000
  return PyFrame_GetLasti(frame);
#else
  return frame->f_lasti * kUnitSize;  // 3.10 counts instructions
#endif
}

bool names(PyCodeObject* code, unsigned argument, PyObject* name) noexcept {
  const auto index = static_cast<Py_ssize_t>(argument >> kNameShift);
  return index < PyTuple_GET_SIZE(code->co_names) &&
         PyTuple_GET_ITEM(code->co_names, index) == name;
}

// An argument of more than eight bits has its upper bits in EXTENDED_ARG instructions before it.
// What looks like one may be the cache of another instruction: then the name does not fit.
unsigned extended_argument(const unsigned char* code, const Instruction& instruction) noexcept {
  unsigned argument = instruction.argument;
  int offset = instruction.offset - kUnitSize;
  for (unsigned shift = 8; offset >= 0 && shift < 32; offset -= kUnitSize, shift += 8) {
    const Instruction before = instruction_at(code, offset);
    if (before.opcode != EXTENDED_ARG) break;
    argument |= before.argument << shift;
  }
  return argument;
}

}  // namespace

bool next_is_call(PyObject* name) noexcept {
  PyFrameObject* const frame = PyEval_GetFrame();
  if (frame == nullptr) return false;
  const PyRef owned = PyRef::steal(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
  auto* const code = reinterpret_cast<PyCodeObject*>(owned.get());
  const int offset = current_offset(frame);
  if (offset < 0) return false;
  const unsigned char* const bytes = code_bytes(code);
  const Instruction instruction = instruction_at(bytes, offset);
  if (!is_method_load(instruction)) return false;
  // The load may be one of another object whose attribute lookup came to ours: the names differ
  // then, or the result is called all the same.
  return names(code, instruction.argument, name) ||
         names(code, extended_argument(bytes, instruction), name);
}

}  // namespace sinew::python
