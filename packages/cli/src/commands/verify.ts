import { command, filePositional } from '../command.ts';
import { answerFlags } from '../flags.ts';

export const verifyCommand = command({
  name: 'verify',
  description: 'Check what an executable unpacks, and say what host it needs',
  positional: filePositional,
  flags: answerFlags,
  examples: [['sarma verify burrito_out/hello_linux-x64', 'exit code 1 if anything is wrong']],
  run: async ({ file, json }) => {
    const { verify } = await import('@sarma/wrapper');
    const verification = await verify(file!);
    if (json) (await import('../show/json.ts')).writeJson(verification);
    else (await import('../show/verification.ts')).showVerification(verification);
    return verification.ok ? 0 : 1;
  },
});
