/** The playground's request as code. Pure. */

import type { ChatRequest } from "./stream";

export function asCurl(request: ChatRequest, origin: string): string {
  const body = JSON.stringify({ ...request, stream: true }, null, 2).replaceAll("'", "'\\''");
  return [
    `curl -N ${origin}/v1/chat/completions \\`,
    `  -H "Authorization: Bearer $VLLM_MANAGER_KEY" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${body}'`,
  ].join("\n");
}

export function asPython(request: ChatRequest, origin: string): string {
  const messages = request.messages.map((m) => `        ${JSON.stringify(m)},`).join("\n");
  return `import os

from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=os.environ["VLLM_MANAGER_KEY"])
stream = client.chat.completions.create(
    model=${JSON.stringify(request.model)},
    messages=[
${messages}
    ],
    temperature=${request.temperature},
    max_tokens=${request.max_tokens},
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`;
}
