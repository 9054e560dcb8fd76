// Holds boards against Grafana's schema: reads each file strictly and checks the constraints of its values.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	// Without them options of panels and queries of data sources would pass as they are.
	plugins.RegisterDefaultPlugins()
	sound := true
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			sound = false
			fmt.Printf("%s: %v\n", path, err)
		}
	}
	if !sound {
		os.Exit(1)
	}
	fmt.Printf("%d boards are what the schema says\n", len(os.Args)-1)
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	board := dashboard.Dashboard{}
	if err := board.UnmarshalJSONStrict(text); isError(err) {
		return err
	}
	if err := board.Validate(); isError(err) {
		return err
	}
	return checkPanels(text)
}

// What the SDK reads leniently within a panel: its queries, whose kind the panel's data source says, and
// the configuration of fields.
func checkPanels(text []byte) error {
	var board struct {
		Panels []struct {
			Title       string
			Datasource  struct{ Type string }
			Targets     []json.RawMessage
			FieldConfig json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		return err
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			if _, err := cog.StrictUnmarshalDataquery(target, panel.Datasource.Type); isError(err) {
				return fmt.Errorf("panel %q: %w", panel.Title, err)
			}
		}
		if panel.FieldConfig == nil {
			continue
		}
		fields := dashboard.FieldConfigSource{}
		if err := fields.UnmarshalJSONStrict(panel.FieldConfig); isError(err) {
			return fmt.Errorf("panel %q: %w", panel.Title, err)
		}
	}
	return nil
}

// The SDK returns its list of errors as it is, and an empty list is an error that is not nil.
func isError(err error) bool {
	var list cog.BuildErrors
	return err != nil && !(errors.As(err, &list) && len(list) == 0)
}
