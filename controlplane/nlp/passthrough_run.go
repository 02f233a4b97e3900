package nlp

import (
	"fmt"
	"strings"
	"time"
)

// exec reads kubectl exec POD -- PROGRAM ARGUMENTS.
func (p *lineReader) exec(s Step) (Step, string) {
	l := p.line
	s.Op, s.Args.Command = OpExec, l.command
	if len(l.command) == 0 && len(l.args) > 1 {
		l.args, s.Args.Command = l.args[:1], l.args[1:]
	}
	if len(l.args) != 1 || len(s.Args.Command) == 0 {
		return s, "Say kubectl exec POD -- PROGRAM ARGUMENTS. There is no terminal here: a program is run and its output shown."
	}
	if strings.Contains(l.args[0], "/") {
		return s, p.things(&s, l.args)
	}
	s.Resource, _ = p.kind("pods")
	s.Names = l.args
	return s, ""
}

// wait reads kubectl wait KIND/NAME --for=...
func (p *lineReader) wait(s Step) (Step, string) {
	s.Op, s.Args.Condition = OpWait, strings.TrimPrefix(p.line.flag("for"), "=")
	if s.Args.Condition == "" {
		return s, "kubectl wait needs --for=condition=NAME, --for=jsonpath={PATH}=VALUE, --for=create or --for=delete."
	}
	if text := p.line.flag("timeout"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			return s, fmt.Sprintf("--timeout needs a duration such as 60s, not %q.", text)
		}
		s.Args.Timeout = d
	}
	return s, ""
}

// setServiceAccount reads kubectl set serviceaccount KIND/NAME... ACCOUNT.
func (p *lineReader) setServiceAccount(s Step, args []string) (Step, string) {
	if len(args) < 2 {
		return s, "Say kubectl set serviceaccount KIND/NAME ACCOUNT."
	}
	s.Op, s.Args.ServiceAccount = OpSetServiceAccount, args[len(args)-1]
	return s, p.things(&s, args[:len(args)-1])
}
