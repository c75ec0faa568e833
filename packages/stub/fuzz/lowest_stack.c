/* The instrumentation writes to it in every function; Zig cannot define what it declares itself. Nobody reads it. */
__thread unsigned long __sancov_lowest_stack = -1UL;
