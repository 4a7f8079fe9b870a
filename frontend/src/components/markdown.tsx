/** An answer's Markdown, without raw HTML, pictures from elsewhere or unsafe links. */

import Markdown from "react-markdown";
import gfm from "remark-gfm";

export default function Answer({ text }: { text: string }) {
  return (
    <div className="prose-answer">
      <Markdown
        skipHtml
        remarkPlugins={[gfm]}
        components={{
          a: ({ children, href }) => (
            <a href={href} target="_blank" rel="noreferrer noopener">
              {children}
            </a>
          ),
          img: ({ alt }) => <span>{alt}</span>,
        }}
      >
        {text}
      </Markdown>
    </div>
  );
}
