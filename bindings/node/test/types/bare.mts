// A program without the types of Node and of browsers: the package's own need neither.

import { type AbortSignalLike, type CompletionRequest, Router } from 'llmrouter';

export async function ask(request: CompletionRequest, signal: AbortSignalLike): Promise<string | null> {
  return (await Router.fromFile('a.yaml').completion(request, { signal })).text;
}
