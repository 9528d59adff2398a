import { setFlagsFromString } from 'node:v8';

/**
 * V8 learns which objects outlive a collection, and makes their like among the old ones from then on. It takes what is read
 * of an answer for such, and once those are old, the answer's text and all that was made of it stay until the slow collector
 * comes, which took a fifth of the processor's time and more. Loaded before all else.
 */
setFlagsFromString('--no-allocation-site-pretenuring');
