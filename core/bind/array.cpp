// NumPy arrays through the array interface (https://numpy.org/doc/stable/reference/arrays.interface.html).
#include "bind/array.hpp"

#include <string>

namespace kinspace::bind {
namespace {

struct ArrayInterface {  // PyArrayInterface of the NumPy documentation
  int two;
  int nd;
  char typekind;
  int itemsize;
  int flags;
  Py_ssize_t* shape;
  Py_ssize_t* strides;
  void* data;
  PyObject* descr;
};
constexpr int flag_contiguous = 0x1, flag_aligned = 0x100, flag_native = 0x200;

struct Numpy {  // set at import, never released
  PyObject* ndarray;
  PyObject* empty;
  PyObject* float32;
  PyObject* float64;
  PyObject* int64;
  PyObject* unsigned8;
  PyObject* unsigned32;
  PyObject* unsigned64;
  PyObject* array_struct;  // the attribute's name, interned
};
Numpy numpy;

nb::object interface_of(nb::handle object) {
  PyObject* capsule = PyObject_GetAttr(object.ptr(), numpy.array_struct);
  if (capsule == nullptr) throw nb::python_error();
  return nb::steal(capsule);
}

const ArrayInterface& read(const nb::object& capsule) {
  auto* view = static_cast<ArrayInterface*>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
  if (view == nullptr) throw nb::python_error();
  return *view;
}

std::string text_of(nb::handle object, const char* attribute) {
  const nb::object value = object.attr(attribute);
  return nb::str(nb::handle(value)).c_str();
}

[[noreturn]] void refuse(nb::handle object, const char* name, const Dtype& dtype, int min_ndim, int max_ndim,
                         Layout layout) {
  std::string what = std::string(name) + ": expected a ";
  what += layout == Layout::contiguous ? "C-contiguous" : "row-contiguous";
  what += std::string(", aligned ") + dtype.name + " NumPy array of ";
  what +=
      min_ndim == max_ndim ? std::to_string(min_ndim) : std::to_string(min_ndim) + " or " + std::to_string(max_ndim);
  what += max_ndim == 1 ? " axis; got " : " axes; got ";
  if (PyObject_TypeCheck(object.ptr(), reinterpret_cast<PyTypeObject*>(numpy.ndarray))) {
    what += text_of(object, "dtype") + " of shape " + text_of(object, "shape") + " and strides " +
            text_of(object, "strides");
  } else {
    what += Py_TYPE(object.ptr())->tp_name;
  }
  throw nb::type_error(what.c_str());
}

nb::object make_empty(PyObject* shape, const Dtype& dtype, void** data) {
  PyObject* type = dtype.kind == 'i' ? numpy.int64 : dtype.size == 8 ? numpy.float64 : numpy.float32;
  if (dtype.kind == 'u')
    type = dtype.size == 1 ? numpy.unsigned8 : dtype.size == 4 ? numpy.unsigned32 : numpy.unsigned64;
  PyObject* args[2] = {shape, type};
  PyObject* made = shape == nullptr ? nullptr : PyObject_Vectorcall(numpy.empty, args, 2, nullptr);
  Py_XDECREF(shape);
  if (made == nullptr) throw nb::python_error();
  nb::object object = nb::steal(made);
  *data = read(interface_of(object)).data;
  return object;
}

}  // namespace

RawArray raw_array(nb::handle object, const char* name, const Dtype& dtype, int min_ndim, int max_ndim, Layout layout) {
  if (!PyObject_TypeCheck(object.ptr(), reinterpret_cast<PyTypeObject*>(numpy.ndarray)))
    refuse(object, name, dtype, min_ndim, max_ndim, layout);
  const nb::object capsule = interface_of(object);
  const ArrayInterface& a = read(capsule);
  const bool sized = a.nd >= min_ndim && a.nd <= max_ndim;
  const bool typed = a.typekind == dtype.kind && a.itemsize == dtype.size && (a.flags & flag_native) != 0;
  if (!sized || !typed || (a.flags & flag_aligned) == 0) refuse(object, name, dtype, min_ndim, max_ndim, layout);
  RawArray raw{a.data, a.nd, {1, 1}, 0};
  if (a.nd == 1) {
    raw.shape[0] = static_cast<std::size_t>(a.shape[0]);
    if ((a.flags & flag_contiguous) == 0) refuse(object, name, dtype, min_ndim, max_ndim, layout);
  } else if (a.nd == 2) {
    raw.shape[0] = static_cast<std::size_t>(a.shape[0]);
    raw.shape[1] = static_cast<std::size_t>(a.shape[1]);
    raw.row_stride = a.shape[0] > 1 ? a.strides[0] : static_cast<std::ptrdiff_t>(a.shape[1]) * a.itemsize;
    const bool dense =
        (a.flags & flag_contiguous) != 0 || (layout == Layout::row_strided && raw.row_stride % a.itemsize == 0 &&
                                             (a.shape[1] <= 1 || a.strides[1] == a.itemsize));
    if (!dense) refuse(object, name, dtype, min_ndim, max_ndim, layout);
  }
  return raw;
}

nb::object empty_array(const Dtype& dtype, std::size_t n, void** data) {
  return make_empty(PyLong_FromSize_t(n), dtype, data);
}

nb::object empty_array(const Dtype& dtype, std::size_t n, std::size_t columns, void** data) {
  return make_empty(Py_BuildValue("(nn)", static_cast<Py_ssize_t>(n), static_cast<Py_ssize_t>(columns)), dtype, data);
}

void import_numpy() {
  const nb::module_ np = nb::module_::import_("numpy");
  numpy.ndarray = nb::object(np.attr("ndarray")).release().ptr();
  numpy.empty = nb::object(np.attr("empty")).release().ptr();
  const nb::object dtype = np.attr("dtype");
  numpy.float32 = dtype("float32").release().ptr();
  numpy.float64 = dtype("float64").release().ptr();
  numpy.int64 = dtype("int64").release().ptr();
  numpy.unsigned8 = dtype("uint8").release().ptr();
  numpy.unsigned32 = dtype("uint32").release().ptr();
  numpy.unsigned64 = dtype("uint64").release().ptr();
  numpy.array_struct = PyUnicode_InternFromString("__array_struct__");
}

}  // namespace kinspace::bind
