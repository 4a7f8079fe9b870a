/** The product's mark. */

import { useId } from "react";

export function Mark({ size = 18 }: { size?: number }) {
  const id = useId();
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 18 18">
      <defs>
        <linearGradient id={id} x1="0" y1="1" x2="1" y2="0">
          <stop stopColor="#3a5bd9" />
          <stop offset="1" stopColor="#18a08c" />
        </linearGradient>
      </defs>
      <rect width="18" height="18" rx="5" fill={`url(#${id})`} />
      <path
        d="M4.6 5.2 9 13l4.4-7.8"
        fill="none"
        stroke="#fff"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
