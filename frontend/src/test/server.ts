/** The network's edge in tests: each test says how the API answers. */

import { setupServer } from "msw/node";

export const server = setupServer();
export const api = (path: string) => `http://127.0.0.1:8800/api/v1${path}`;
