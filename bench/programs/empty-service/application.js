// Starts, and asks for the node's end at once.
export default { start: ({ exit }) => exit() };
