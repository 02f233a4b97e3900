package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/internal/version"
)

// errDiagnosis means that a step of the diagnosis failed; what failed has been written.
var errDiagnosis = errors.New("a step failed")

// diagnose says which step of getting connected fails, and what to do. It takes the agent's own settings, and --output.
func diagnose(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	asJSON, args, err := takeOutput(args)
	if err != nil {
		return err
	}
	cfg, _, err := configure(args, getenv, stderr)
	var report agent.Report
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		report = agent.Report{Version: version.Version, Findings: []agent.Finding{{Step: "settings", Verdict: agent.Failed,
			Says: strings.TrimPrefix(err.Error(), errUsage.Error()+": "), Do: "Mend the setting it names; kubechat-agent -h lists them."}}}
	default:
		cfg.Log = slog.New(slog.DiscardHandler)
		defer cfg.Server.CloseIdle()
		report = agent.Diagnose(ctx, cfg)
	}
	if err := write(stdout, report, asJSON); err != nil {
		return err
	}
	if !report.OK {
		return errDiagnosis
	}
	return nil
}

// takeOutput takes --output out of the agent's own flags.
func takeOutput(args []string) (asJSON bool, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") || name != "output" && name != "o" {
			rest = append(rest, args[i])
			continue
		}
		if !joined && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch value {
		case "json":
			asJSON = true
		case "text":
		default:
			return false, nil, fmt.Errorf("%w: --output is text or json", errUsage)
		}
	}
	return asJSON, rest, nil
}

func write(w io.Writer, r agent.Report, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "kubechat-agent %s\n\n", r.Version)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-8s %-13s %s\n", f.Verdict, f.Step, f.Says)
		if f.Do != "" {
			fmt.Fprintf(&b, "%-8s %-13s -> %s\n", "", "", f.Do)
		}
	}
	b.WriteString("\n" + map[bool]string{true: "Nothing fails.", false: "Mend what failed first: later steps may only follow from it."}[r.OK] + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}
