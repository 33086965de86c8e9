// A program without the types of Node and of browsers: the package's own need neither.

import { type AbortSignalLike, type CompletionRequest, Router } from 'llmrouter';

export async function ask(request: CompletionRequest, signal: AbortSignalLike): Promise<string | null> {
  return (await Router.fromFile('a.yaml').completion(request, { signal })).text;
}

export async function read(request: CompletionRequest): Promise<string> {
  const { stream: _, ...rest } = request;
  const stream = await Router.fromFile('a.yaml').stream({ ...rest, model: request.model, messages: request.messages });
  for await (const chunk of stream) if (chunk.choices[0]?.finish_reason === 'length') break;
  return stream.text;
}
