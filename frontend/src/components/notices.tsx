/** Cards of a person's failed actions, above the page until they are dismissed. */

import { X } from "lucide-react";
import { dismissNotice, useNotices } from "@/api/notices";
import { describeProblem } from "@/api/problem";
import { t } from "@/strings";
import { Advice, Causes } from "./advice";
import { IconButton } from "./button";
import { Card } from "./card";
import { CopyButton } from "./copy";
import { Prose } from "./prose";

export function Notices() {
  const notices = useNotices();
  if (notices.length === 0) return null;
  return (
    <div className="mb-3 space-y-2">
      {notices.map((notice) => (
        <Card key={notice.id} className="border-l-3 border-l-failed px-4 py-3">
          <div className="flex items-start gap-3">
            <div role="alert" className="min-w-0 flex-1">
              <p className="font-[600]">{notice.title}</p>
              <p className="break-words">
                <Prose text={notice.problem.detail} />
              </p>
              {(notice.problem.errors ?? []).map((e) => (
                <p key={e.field} className="text-muted">
                  <code className="font-mono text-small">{e.field}</code>:{" "}
                  <Prose text={e.message} />
                </p>
              ))}
              <Causes problem={notice.problem} />
              <Advice remedies={notice.problem.remediation ?? []} />
              {notice.problem.request_id ? (
                <p className="font-mono text-small text-muted">
                  {t.errors.request(notice.problem.request_id)}
                </p>
              ) : null}
            </div>
            <CopyButton text={() => describeProblem(notice.problem)} label={t.errors.copy} />
            <IconButton label={t.words.dismiss} onClick={() => dismissNotice(notice.id)}>
              <X size={15} aria-hidden />
            </IconButton>
          </div>
        </Card>
      ))}
    </div>
  );
}
