/** Address of this package: what `import … from 'sarma'` means in a configuration, whether or not it is installed there. */
export const OWN_MODULE = import.meta.resolve('sarma');
