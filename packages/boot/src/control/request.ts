import { BootError } from '../error.ts';
import type { Message } from './channel.ts';

/**
 * Of the requests `upgrade` and `reload`, and of what two versions say to each other: who asks and who answers may be of
 * different builds. Another one for every change that older ones would misunderstand; errors are as they are in all.
 */
export const FORMAT = 1;

/** Field of a request → what `typeof` says of it, or several. */
export type Fields<Request> = Readonly<Record<keyof Request, readonly string[]>>;

/** The parameters as the request that they are. Throws BootError OTHER_FORMAT. */
export function readRequest<Request>(method: string, params: Message, fields: Fields<Request>): Request {
  const isOther = Object.entries<readonly string[]>(fields).some(
    ([name, types]) => !types.includes(params[name] === null ? 'null' : typeof params[name]),
  );
  if (params.format !== FORMAT || isOther) throw otherFormat(`The command ${method}`);
  return params as Request;
}

/** `who` is the other end. */
export function otherFormat(who: string): BootError {
  return new BootError(
    'OTHER_FORMAT',
    `${who} was made by another Sarma than the version that runs, and they do not understand each other. Replace the file of the version that runs, and restart.`,
  );
}
