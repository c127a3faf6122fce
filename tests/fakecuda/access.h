// What a kernel does with its parameters, from their types: emucc.sh exports
// rz_emu_access_NAME for each kernel beside its descriptor.
#ifndef RZ_EMU_ACCESS_H
#define RZ_EMU_ACCESS_H

namespace rz_emu {
template <class A> struct access {
  static constexpr char value = 'v'; // a value
};
template <class A> struct access<A *> {
  static constexpr char value = 'w'; // written, or read and written
};
template <class A> struct access<const A *> {
  static constexpr char value = 'r'; // read
};
template <auto F> struct accesses;
template <class... A, void (*F)(A...)> struct accesses<F> {
  static constexpr char value[sizeof...(A) + 1] = {access<A>::value..., 0};
};
} // namespace rz_emu

#endif
