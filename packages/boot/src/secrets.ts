/** What of a configuration may be shown. */
export { masked } from '@sarma/app/internal';
