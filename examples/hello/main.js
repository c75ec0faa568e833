const [, , ...args] = process.argv;

console.log(`hello from Node ${process.version} on ${process.platform}-${process.arch}`);
if (args.length > 0) console.log(`arguments: ${args.join(' ')}`);
