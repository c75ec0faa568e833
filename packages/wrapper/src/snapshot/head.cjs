// Stands before the program in the one file that its start-up snapshot is made of.
{
  const { startupSnapshot } = require('node:v8');
  const { addSerializeCallback, setDeserializeMainFunction } = startupSnapshot;
  let hasMain = false;
  startupSnapshot.setDeserializeMainFunction = (main, data) => {
    setDeserializeMainFunction((given) => {
      prepare(process.execArgv);
      return main(given);
    }, data);
    hasMain = true;
  };
  // Without one Node would make a program that does nothing.
  addSerializeCallback(() => {
    if (!hasMain) throw new Error('SARMA_NO_MAIN_FUNCTION');
  });

  const prepare = (execArgv) => {
    // From a snapshot Node starts without what `--import` names: the guard, which the stub puts first.
    if (execArgv[0] === '--import' && /\/releases\/[^/]+\/guard\.cjs$/.test(execArgv[1])) {
      require('node:module').createRequire(execArgv[1])(require('node:url').fileURLToPath(execArgv[1]));
    }
    // What `fork` starts shall run the module that is named, and not this program.
    execArgv.splice(execArgv.indexOf('--snapshot-blob'), 2);
  };
}
